#include "native/core/proxies.h"

#include <algorithm>
#include <optional>

#include "native/core/error.h"
#include "native/core/measure_run.h"
#include "native/core/simd.h"

namespace eznas {
namespace {

constexpr uint32_t bit(Measure measure) { return 1u << static_cast<int>(measure); }

constexpr uint32_t kLossGradients =
    bit(Measure::gradNorm) | bit(Measure::plain) | bit(Measure::snip) | bit(Measure::fisher);
constexpr uint32_t kInputGradients = bit(Measure::jacobCov) | bit(Measure::epeNas);
constexpr uint32_t kPatterns = bit(Measure::naswot) | bit(Measure::swap);
constexpr uint32_t kLabelled = kLossGradients | bit(Measure::grasp) | bit(Measure::epeNas) | bit(Measure::zico) |
                               bit(Measure::gradSign);

}  // namespace

bool readsLabels(uint32_t measures) { return (measures & kLabelled) != 0; }

void validate(const MeasureRequest& request) {
  if (request.measures == 0 || request.measures >> kMeasureCount != 0)
    throw Error(code::kInvalidArgument, "measures must be a mask of 1 to " + std::to_string(kMeasureCount) + " bits");
  validate(request.networks);
  const int batch = request.networks.minibatch.batch;
  if (request.asks(Measure::zico) && batch < 2)
    throw Error(code::kInvalidArgument, "zico compares the gradients of two halves of the minibatch; it needs 2 images or more");
  if (!readsLabels(request.measures)) return;
  if (request.labels.size() != static_cast<size_t>(batch))
    throw Error(code::kInvalidArgument, "there are " + std::to_string(request.labels.size()) + " labels for " +
                                            std::to_string(batch) + " images; one for each is needed");
  for (size_t n = 0; n < request.networks.networks.size(); ++n) {
    const Graph& graph = request.networks.networks[n].graph;
    const SampleShape& logits = graph.nodes[static_cast<size_t>(graph.output)].shape;
    if (logits.h != 1 || logits.w != 1)
      throw Error(code::kInvalidArgument, "network " + std::to_string(n) +
                                              " has no logits: a loss needs an output of one number for each class");
    for (size_t i = 0; i < request.labels.size(); ++i)
      if (request.labels[i] < 0 || request.labels[i] >= logits.c)
        throw Error(code::kInvalidArgument, "label " + std::to_string(i) + " is " + std::to_string(request.labels[i]) +
                                                "; network " + std::to_string(n) + " has classes 0 to " +
                                                std::to_string(logits.c - 1));
  }
}

MeasureRun::MeasureRun(const MeasureRequest& asked, size_t index)
    : request(asked),
      network(asked.networks.networks[index]),
      kernels(networkKernels(simdLevel())),
      weights(network.graph, network.parameters, asked.networks.seed, network.key) {
  weights.pack(network.graph, kernels, true);
}

std::vector<double> measureNetwork(const MeasureRequest& request, size_t index) {
  MeasureRun run(request, index);
  const auto any = [&](uint32_t measures) { return (request.measures & measures) != 0; };
  measureWeights(run);

  // Patterns ride on the first forward pass on the data, and have one of their own where there is no other.
  const Plan patternPlan(run.graph(), {.allValues = true});
  std::optional<SignPatterns> patterns;
  if (any(kPatterns))
    patterns.emplace(run.graph(), patternPlan, request.networks.minibatch.batch, run.kernels, run.asks(Measure::swap));
  SignPatterns* waiting = patterns ? &*patterns : nullptr;
  if (any(kLossGradients)) measureLossGradients(run, std::exchange(waiting, nullptr));
  if (any(kInputGradients)) measureInputGradients(run, std::exchange(waiting, nullptr));
  if (waiting != nullptr) {
    Executor executor(run.graph(), patternPlan, run.weights, request.networks.minibatch.batch, run.kernels);
    executor.run(run.images(), {.observer = waiting});
  }
  if (run.asks(Measure::naswot)) run.set(Measure::naswot, patterns->logDeterminant());
  if (run.asks(Measure::swap)) run.set(Measure::swap, patterns->uniquePatterns());

  if (run.asks(Measure::zico)) measureHalves(run);
  if (run.asks(Measure::gradSign)) measureSamples(run);
  if (run.asks(Measure::grasp)) measureCurvature(run);
  if (any(bit(Measure::synflow) | bit(Measure::logSynflow))) measurePositive(run);
  if (run.asks(Measure::zen)) measureNoise(run);
  if (run.asks(Measure::meco)) measureFeatures(run);
  return std::move(run.scores);
}

}  // namespace eznas
