#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "kernels/cuda/rank_correlation.h"
#include "native/core/error.h"
#include "native/cuda/population_runner.h"

namespace eznas::cuda {
namespace {

/// Twice the rank of each value, from 2 on, equal ones sharing the mean of theirs; and pairs of equal values.
struct Ranks {
  std::vector<int32_t> doubled;
  double tied = 0, square = 0;  // Σ of the squares of the ranks from their middle, fourfold

  explicit Ranks(std::span<const double> values) : doubled(values.size()) {
    std::vector<uint32_t> order(values.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return values[a] < values[b]; });
    for (size_t first = 0, last = 0; first < order.size(); first = last) {
      while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
      const auto rank = static_cast<int32_t>(first + last + 1);
      const double count = static_cast<double>(last - first);
      const double centred = static_cast<double>(rank) - static_cast<double>(values.size() + 1);
      for (size_t i = first; i < last; ++i) doubled[order[i]] = rank;
      tied += count * (count - 1) / 2;
      square += count * centred * centred;
    }
  }
};

double clamped(double x) { return std::min(1.0, std::max(-1.0, x)); }

}  // namespace

RankCorrelations rankCorrelations(const DeviceScores& scores, size_t firstNetwork, std::span<const double> accuracies,
                                  Stream& stream) {
  const size_t count = accuracies.size(), programs = scores.programs();
  if (firstNetwork > scores.networks() || count > scores.networks() - firstNetwork)
    throw Error(code::kInvalidArgument, "accuracies of the networks " + std::to_string(firstNetwork) + " to " +
                                            std::to_string(firstNetwork + count) + " for scores of " +
                                            std::to_string(scores.networks()) + " networks; give one per column");
  if (count > kMostRanked)
    throw Error(code::kTooLarge, "ranks of " + std::to_string(count) + " networks; at most " +
                                     std::to_string(kMostRanked) + " are compared at once");
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  RankCorrelations result{std::vector<double>(programs, kNaN), std::vector<double>(programs, kNaN),
                          std::vector<uint8_t>(programs, 1)};
  if (programs == 0 || count == 0) return result;
  stream.device().use();
  const bool hasNaN = std::any_of(accuracies.begin(), accuracies.end(), [](double a) { return std::isnan(a); });
  // Without an order among the accuracies there is still the question whose scores are valid.
  const Ranks ranks(hasNaN ? std::span<const double>() : accuracies);
  const DeviceBuffer ranksThere(stream, count * sizeof(int32_t)), sumsThere(stream, programs * sizeof(RankSums));
  const std::vector<int32_t> zeros(hasNaN ? count : 0);
  stream.copyToDevice(ranksThere.data(), hasNaN ? zeros.data() : ranks.doubled.data(), count * sizeof(int32_t));
  rankSums(scores.scores() + firstNetwork, scores.networks(), ranksThere.as<int32_t>(), static_cast<uint32_t>(count),
           static_cast<uint32_t>(programs), sumsThere.as<RankSums>(), stream.get());
  std::vector<RankSums> sums(programs);
  stream.copyToHost(sums.data(), sumsThere.data(), programs * sizeof(RankSums));
  stream.synchronize();
  const double pairs = static_cast<double>(count) * static_cast<double>(count - 1) / 2;
  for (size_t p = 0; p < programs; ++p) {
    result.valid[p] = sums[p].nan == 0 ? 1 : 0;
    if (hasNaN || sums[p].nan > 0) continue;
    const double untied = (pairs - static_cast<double>(sums[p].tied) / 2) * (pairs - ranks.tied);
    if (untied == 0) continue;
    result.kendallTau[p] = clamped(static_cast<double>(sums[p].difference) / 2 / std::sqrt(untied));
    result.spearmanRho[p] =
        clamped(static_cast<double>(sums[p].product) / std::sqrt(static_cast<double>(sums[p].square) * ranks.square));
  }
  return result;
}

}  // namespace eznas::cuda
