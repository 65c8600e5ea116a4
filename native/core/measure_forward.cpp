// Measures that need neither images nor labels: of magnitudes, of noise.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/random_kernels.h"
#include "kernels/random.h"
#include "native/core/measure_run.h"
#include "native/core/passes.h"
#include "native/core/positive_pass.h"
#include "native/core/simd.h"
#include "native/core/symmetric.h"

namespace eznas {
namespace {

constexpr double kLn2 = 0.6931471805599453;
/// ln(1 + x) is ln x beyond this, to the last digit.
constexpr double kLargeLog = 60;

/// Standard normal numbers for the images of a pass.
std::vector<float> noise(const MeasureRun& run, uint32_t tensor, size_t count) {
  std::vector<float> result(count);
  randomKernels(simdLevel())
      .normal(run.request.networks.seed, random::kInputKey, tensor, 1.0f, nullptr, result.data(), count);
  return result;
}

/// The node whose map is pooled away before the classifier: the input of the last global pool, else of the last linear
/// layer, else the output.
int lastFeatures(const Graph& graph, const Plan& plan) {
  for (const NodeKind kind : {NodeKind::globalAvgPool, NodeKind::linear})
    for (size_t i = graph.nodes.size(); i-- > 0;)
      if (graph.nodes[i].kind == kind) return plan.input(graph, static_cast<int>(i));
  return plan.value[static_cast<size_t>(graph.output)];
}

/// Plain copy of one value, and ln of the spread before every normalization: ½ ln of the mean variance of its input.
class Expressivity : public PassObserver {
 public:
  Expressivity(const Graph& graph, const Plan& plan, const NetworkKernels& kernels)
      : kernels_(kernels), features_(lastFeatures(graph, plan)), normalizations_(graph.nodes.size(), 0) {
    for (size_t i = 0; i < graph.nodes.size(); ++i)
      if (graph.nodes[i].kind == NodeKind::batchNorm)
        ++normalizations_[static_cast<size_t>(plan.input(graph, static_cast<int>(i)))];
  }
  void computed(int value, const FeatureMap& map) override {
    if (value == features_) {
      features.resize(static_cast<size_t>(map.n) * map.c * map.h * map.w);
      kernels_.unpack(map, nullptr, features.data());
    }
    const int copies = normalizations_[static_cast<size_t>(value)];
    if (copies == 0) return;
    std::vector<double> mean(static_cast<size_t>(map.blocks()) * kLanes), variance(mean.size());
    kernels_.batchStatistics(map, mean.data(), variance.data());
    double total = 0;
    for (int c = 0; c < map.c; ++c) total += variance[static_cast<size_t>(c)];
    if (total > 0) scale += copies * std::log(total / map.c) / 2;
  }
  std::vector<float> features;
  double scale = 0;

 private:
  const NetworkKernels& kernels_;
  int features_;
  std::vector<int> normalizations_;  // by value: how many read it
};

/// Σ over layers of the smallest eigenvalue of the correlations between the channels of the first image. Layers that
/// share a value count each; those of zeros would add 0.
class ChannelCorrelations : public PassObserver {
 public:
  ChannelCorrelations(const Graph& graph, const Plan& plan, const NetworkKernels& kernels)
      : kernels_(kernels), layers_(graph.nodes.size(), 0) {
    for (size_t i = 0; i < graph.nodes.size(); ++i)
      if (isLayer(graph.nodes[i].kind)) ++layers_[static_cast<size_t>(plan.value[i])];
  }
  void computed(int value, const FeatureMap& map) override {
    const int copies = layers_[static_cast<size_t>(value)];
    const auto positions = static_cast<size_t>(map.h) * static_cast<size_t>(map.w);
    if (copies == 0 || positions < 2) return;
    const auto channels = static_cast<size_t>(map.c);
    std::vector<float> plain(channels * positions);
    kernels_.unpack(map, nullptr, plain.data());
    std::vector<double> correlations = rowCorrelations({plain.begin(), plain.end()}, channels, positions);
    for (double& r : correlations)
      if (!std::isfinite(r)) r = 0;
    total_ += copies * symmetricEigenvalues(std::move(correlations), channels).front();
  }
  double total() const { return total_; }

 private:
  static bool isLayer(NodeKind kind) {
    return kind == NodeKind::conv2d || kind == NodeKind::batchNorm || isActivation(kind) || kind == NodeKind::maxPool ||
           kind == NodeKind::avgPool;
  }
  const NetworkKernels& kernels_;
  std::vector<int> layers_;  // by value
  double total_ = 0;
};

}  // namespace

void measurePositive(MeasureRun& run) {
  const Graph graph = positiveGraph(run.graph());
  const std::vector<std::vector<float>> parameters = magnitudes(run.graph(), run.weights);
  Weights weights(graph, parameters, 0, 0);
  weights.pack(graph, run.kernels, true);
  std::vector<double> logs;  // of each layer's Σ w·g
  double total = 0;
  PositivePass pass(graph, weights, run.kernels);
  pass.run([&](int node, const float* gradient, int exponent) {
    const auto index = static_cast<size_t>(weights.weightIndex(node));
    const std::vector<float>& w = parameters[index];
    double product = 0;
    for (size_t i = 0; i < w.size(); ++i) product += static_cast<double>(w[i]) * gradient[i];
    if (product > 0) logs.push_back(std::log(product) + exponent * kLn2);
    if (!run.asks(Measure::logSynflow)) return;
    for (size_t i = 0; i < w.size(); ++i) {
      if (gradient[i] == 0) continue;
      const double log = std::log(gradient[i]) + exponent * kLn2;
      total += w[i] * (log > kLargeLog ? log : std::log1p(std::exp(log)));
    }
  });
  if (run.asks(Measure::logSynflow)) run.set(Measure::logSynflow, total);
  if (!run.asks(Measure::synflow)) return;
  // ln(1 + Σ exp(logs)), the 1 as one more log.
  double largest = 0, sum = 0;
  for (const double log : logs) largest = std::max(largest, log);
  for (const double log : logs) sum += std::exp(log - largest);
  run.set(Measure::synflow, largest + std::log(sum + std::exp(-largest)));
}

void measureNoise(MeasureRun& run) {
  constexpr float kGamma = 0.01f;
  const Graph& graph = run.graph();
  // Gaussian weights of variance 1, biases 0, normalizations without scale and shift.
  std::vector<std::vector<float>> parameters;
  for (size_t p = 0; p < graph.parameters.size(); ++p) {
    const float* w = run.weights.parameter(p);
    parameters.emplace_back(w, w + graph.parameters[p].size);
    const float deviation = initialDeviation(graph, p);
    const float constant = graph.parameters[p].role == Parameter::Role::scale ? 1 : 0;
    for (float& x : parameters.back()) x = deviation > 0 ? x / deviation : constant;
  }
  Weights weights(graph, parameters, 0, 0);
  weights.pack(graph, run.kernels, false);

  const std::vector<float>& given = run.minibatch().noise;
  const size_t count = run.minibatch().data.size();
  std::vector<float> input = given.empty() ? noise(run, random::kNoiseTensor, count) : given;
  const Plan plan(graph, {.allValues = true});
  Expressivity first(graph, plan, run.kernels), second(graph, plan, run.kernels);
  Executor executor(graph, plan, weights, run.minibatch().batch, run.kernels);
  executor.run(input.data(), {.observer = &first});
  // The images of pass P, where given, hold the direction of change as they hold noise.
  const std::vector<float>& perturbed = run.minibatch().perturbed;
  const std::vector<float> drawn = perturbed.empty() ? noise(run, random::kPerturbationTensor, count) : perturbed;
  for (size_t i = 0; i < count; ++i)
    input[i] += kGamma * (perturbed.empty() ? drawn[i] : (drawn[i] - run.minibatch().data[i]) / kPerturbation);
  executor.run(input.data(), {.observer = &second});
  double distance = 0;
  for (size_t i = 0; i < first.features.size(); ++i)
    distance += std::abs(static_cast<double>(first.features[i]) - second.features[i]);
  run.set(Measure::zen, std::log(distance / run.minibatch().batch) + first.scale);
}

void measureFeatures(MeasureRun& run) {
  const SampleShape& s = run.minibatch().shape;
  const size_t count = static_cast<size_t>(s.c) * s.h * s.w;
  const std::vector<float>& given = run.minibatch().noise;
  const std::vector<float> input =
      given.empty() ? noise(run, random::kNoiseTensor, count)
                    : std::vector<float>(given.begin(), given.begin() + static_cast<ptrdiff_t>(count));
  const Plan plan(run.graph(), {.allValues = true});
  ChannelCorrelations correlations(run.graph(), plan, run.kernels);
  Executor executor(run.graph(), plan, run.weights, 1, run.kernels);
  executor.run(input.data(), {.observer = &correlations});
  run.set(Measure::meco, correlations.total());
}

}  // namespace eznas
