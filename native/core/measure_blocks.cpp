// AZ-NAS (Lee and Ham, CVPR 2024): what the features at the ends of a network's blocks span, how that grows from block
// to block, and how well gradients pass through each.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/cpu/random_kernels.h"
#include "kernels/random.h"
#include "native/core/measure_run.h"
#include "native/core/simd.h"
#include "native/core/symmetric.h"

namespace eznas {
namespace {

/// Tensor ids of the random signs, one for each block; inputs stand before them.
constexpr uint32_t kSignTensor = random::kPerturbationTensor + 1;
constexpr double kSmall = 1e-8, kSmallGain = 1e-6;

/// Numbers of a map, channel by channel.
std::vector<float> plain(const FeatureMap& map, const NetworkKernels& kernels) {
  std::vector<float> numbers(static_cast<size_t>(map.n) * map.c * map.h * map.w);
  kernels.unpack(map, nullptr, numbers.data());
  return numbers;
}

/// Σ (a − meanA) (b − meanB) in float64: as many sums side by side as hide an addition's latency.
double productSum(const float* a, double meanA, const float* b, double meanB, size_t count) {
  constexpr size_t kSums = 8;
  double sums[kSums]{};
  size_t k = 0;
  for (; k + kSums <= count; k += kSums)
    for (size_t l = 0; l < kSums; ++l) sums[l] += (a[k + l] - meanA) * (b[k + l] - meanB);
  for (; k < count; ++k) sums[0] += (a[k] - meanA) * (b[k] - meanB);
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

/// Entropy of the shares of the eigenvalues of the channels' covariance; NaN where nothing varies.
double spectralEntropy(const FeatureMap& map, const NetworkKernels& kernels) {
  const std::vector<float> x = plain(map, kernels);
  const auto channels = static_cast<size_t>(map.c), positions = static_cast<size_t>(map.h) * map.w;
  const auto images = static_cast<size_t>(map.n);
  std::vector<double> means(channels, 0.0), covariance(channels * channels, 0.0);
  for (size_t i = 0; i < images * channels; ++i)
    for (size_t k = 0; k < positions; ++k) means[i % channels] += x[i * positions + k];
  const auto count = static_cast<double>(images * positions);
  for (double& mean : means) mean /= count;
  for (size_t i = 0; i < images; ++i) {
    for (size_t a = 0; a < channels; ++a) {
      const float* const rowA = &x[(i * channels + a) * positions];
      for (size_t b = 0; b <= a; ++b) {
        const float* const rowB = &x[(i * channels + b) * positions];
        covariance[a * channels + b] += productSum(rowA, means[a], rowB, means[b], positions) / count;
      }
    }
  }
  for (size_t a = 0; a < channels; ++a)
    for (size_t b = 0; b < a; ++b) covariance[b * channels + a] = covariance[a * channels + b];
  const std::vector<double> spectrum = symmetricEigenvalues(std::move(covariance), channels);
  double total = 0, entropy = 0;
  for (const double v : spectrum) total += v;
  for (const double v : spectrum) entropy -= v / total * std::log(v / total + kSmall);
  return entropy;
}

/// A gradient, as numbers channel by channel, and its shape.
struct Signal {
  std::vector<float> numbers;
  size_t channels = 0, height = 0, width = 0;

  /// Where strides have made another extent of this one: blocks of stride × stride positions become channels.
  Signal unshuffled(size_t toHeight) const {
    const size_t stride = toHeight == 0 ? 1 : std::max<size_t>(1, height / toHeight);
    if (stride == 1) return *this;
    Signal result{{}, channels * stride * stride, height / stride, width / stride};
    const size_t images = numbers.size() / (channels * height * width);
    for (size_t i = 0; i < images; ++i)
      for (size_t c = 0; c < result.channels; ++c)
        for (size_t y = 0; y < result.height; ++y)
          for (size_t x = 0; x < result.width; ++x) {
            const size_t from = c / (stride * stride), dy = c / stride % stride, dx = c % stride;
            result.numbers.push_back(
                numbers[((i * channels + from) * height + y * stride + dy) * width + x * stride + dx]);
          }
    return result;
  }
};

/// Largest singular value of the mean over images and positions of in ⊗ out.
double gain(const Signal& in, const Signal& out) {
  const size_t positions = out.height * out.width, perImage = out.channels * positions;
  const size_t images = perImage == 0 ? 0 : out.numbers.size() / perImage;
  std::vector<double> product(in.channels * out.channels, 0.0);
  for (size_t i = 0; i < images; ++i)
    for (size_t a = 0; a < in.channels; ++a)
      for (size_t b = 0; b < out.channels; ++b) {
        const float* const rowA = &in.numbers[(i * in.channels + a) * positions];
        const float* const rowB = &out.numbers[(i * out.channels + b) * positions];
        product[a * out.channels + b] +=
            productSum(rowA, 0, rowB, 0, positions) / static_cast<double>(images * positions);
      }
  std::vector<double> square(out.channels * out.channels, 0.0);
  for (size_t a = 0; a < in.channels; ++a)
    for (size_t b = 0; b < out.channels; ++b)
      for (size_t c = 0; c < out.channels; ++c)
        square[b * out.channels + c] += product[a * out.channels + b] * product[a * out.channels + c];
  return std::sqrt(std::max(0.0, symmetricEigenvalues(std::move(square), out.channels).back()));
}

/// Takes the gradient that arrives at the end of each block, and starts the one before anew from random signs.
class Blocks : public PassObserver {
 public:
  Blocks(const MeasureRun& run, const Plan& plan)
      : run_(run), entropies(run.blocks.size(), kNaN), gains(run.blocks.size()) {
    for (const int32_t node : run.blocks) values_.push_back(plan.value[static_cast<size_t>(node)]);
  }
  void computed(int value, const FeatureMap& map) override {
    const auto [first, last] = blocksOf(value);
    if (first == last || !(run_.asks(Measure::azExpressivity) || run_.asks(Measure::azProgressivity))) return;
    const double entropy = spectralEntropy(map, run_.kernels);
    for (size_t block = first; block < last; ++block) entropies[block] = entropy;
  }
  void differentiated(int value, const FeatureMap&, const FeatureMap& gradient) override {
    const auto [block, last] = blocksOf(value);
    if (block == last) return;
    Signal arrived{plain(gradient, run_.kernels), static_cast<size_t>(gradient.c), static_cast<size_t>(gradient.h),
                   static_cast<size_t>(gradient.w)};
    if (last < values_.size() && started_ == last) {
      const bool passed = arrived.numbers == signs_.numbers;
      gains[last] = passed ? kNaN : gain(arrived.unshuffled(signs_.height), signs_);
    }
    // Blocks that end where the one before does change nothing.
    for (size_t same = block + 1; same < last; ++same) gains[same] = kNaN;
    signs_ = arrived;
    const uint32_t tensor = kSignTensor + static_cast<uint32_t>(block);
    const size_t count = signs_.numbers.size();
    for (size_t i = 0; i < count; i += 4) {
      const random::Words4 w =
          random::draw(run_.request.networks.seed, run_.network.key, tensor, static_cast<uint32_t>(i / 4));
      const uint32_t words[] = {w.x0, w.x1, w.x2, w.x3};
      for (size_t l = 0; l < std::min<size_t>(4, count - i); ++l)
        signs_.numbers[i + l] = (words[l] & 1) != 0 ? 1.0f : -1.0f;
    }
    run_.kernels.pack(signs_.numbers.data(), gradient);
    started_ = block;
  }

 private:
  /// The blocks that end at a value: [first, last).
  std::pair<size_t, size_t> blocksOf(int value) const {
    const auto found = std::equal_range(values_.begin(), values_.end(), value);
    return {static_cast<size_t>(found.first - values_.begin()), static_cast<size_t>(found.second - values_.begin())};
  }

  static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  const MeasureRun& run_;
  std::vector<int> values_;
  Signal signs_;
  size_t started_ = SIZE_MAX;

 public:
  std::vector<double> entropies,
      gains;  // by block; a gain of 0 where no gradient passes, NaN where it passes unchanged
};

}  // namespace

void measureBlocks(MeasureRun& run) {
  const size_t count = run.minibatch().data.size();
  std::vector<float> input = run.minibatch().noise;
  if (input.empty()) {
    input.resize(count);
    randomKernels(simdLevel())
        .normal(run.request.networks.seed, random::kInputKey, random::kNoiseTensor, 1.0f, nullptr, input.data(), count);
  }
  GradientRun gradients(run, run.weights, run.minibatch().batch);
  Blocks blocks(run, gradients.plan());
  gradients(input.data(), {}, &blocks);
  double expressivity = 0, progressivity = std::numeric_limits<double>::infinity(), trainability = 0;
  for (size_t b = 0; b < run.blocks.size(); ++b) {
    expressivity += blocks.entropies[b];
    if (b == 0) continue;
    const double step = blocks.entropies[b] - blocks.entropies[b - 1];
    if (!std::isnan(progressivity) && !(step >= progressivity)) progressivity = step;  // a NaN stays
    trainability += 2 - blocks.gains[b] - 1 / (blocks.gains[b] + kSmallGain);
  }
  if (run.asks(Measure::azExpressivity)) run.set(Measure::azExpressivity, expressivity);
  if (run.asks(Measure::azProgressivity)) run.set(Measure::azProgressivity, progressivity);
  if (run.asks(Measure::azTrainability))
    run.set(Measure::azTrainability, trainability / static_cast<double>(run.blocks.size() - 1));
}

}  // namespace eznas
