#include "native/core/proxies.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

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
constexpr uint32_t kBlocks =
    bit(Measure::azExpressivity) | bit(Measure::azProgressivity) | bit(Measure::azTrainability);
constexpr uint32_t kLabelled =
    kLossGradients | bit(Measure::grasp) | bit(Measure::epeNas) | bit(Measure::zico) | bit(Measure::gradSign);

void validateBlocks(const MeasureRequest& request) {
  for (size_t n = 0; n < request.networks.networks.size(); ++n) {
    const size_t nodes = request.networks.networks[n].graph.nodes.size();
    const std::string label = "network " + std::to_string(n);
    if (n >= request.blocks.size() || request.blocks[n].size() < 2)
      throw Error(code::kInvalidArgument, label +
                                              " has fewer than 2 blocks; az-nas compares one block with the next, as a "
                                              "space marks them; ONNX files tell none");
    for (size_t b = 0; b < request.blocks[n].size(); ++b) {
      const int32_t before = b == 0 ? -1 : request.blocks[n][b - 1], node = request.blocks[n][b];
      if (node < before || node < 0 || static_cast<size_t>(node) >= nodes)
        throw Error(code::kInvalidArgument, label + ": block " + std::to_string(b) + " ends at node " +
                                                std::to_string(node) +
                                                "; ends must be nodes of the network, none before the last one's");
    }
  }
}

}  // namespace

bool readsLabels(uint32_t measures) { return (measures & kLabelled) != 0; }

void validate(const MeasureRequest& request) {
  if (request.measures == 0 || request.measures >> kMeasureCount != 0)
    throw Error(code::kInvalidArgument, "measures must be a mask of 1 to " + std::to_string(kMeasureCount) + " bits");
  validate(request.networks);
  const int batch = request.networks.minibatch.batch;
  if (request.asks(Measure::zico) && batch < 2)
    throw Error(code::kInvalidArgument,
                "zico compares the gradients of two halves of the minibatch; it needs 2 images or more");
  if ((request.measures & kBlocks) != 0) validateBlocks(request);
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
  if (index < asked.blocks.size()) blocks = asked.blocks[index];
}

Measured measureNetwork(const MeasureRequest& request, size_t index) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const Clock::time_point start = Clock::now();
  MeasureRun run(request, index);
  Measured result;
  result.seconds.resize(kMeasureCount);
  const auto step = [&](uint32_t measures, const auto& work) {
    if ((request.measures & measures) == 0) return;
    const Clock::time_point began = Clock::now();
    work();
    const double took = since(began);
    for (int m = 0; m < kMeasureCount; ++m)
      if ((measures >> m & 1) != 0) result.seconds[static_cast<size_t>(m)] += took;
  };
  step(bit(Measure::l2Norm), [&] { measureWeights(run); });

  // Patterns ride on the first pass over the data, and have a forward pass of their own where there is no other.
  const Plan patternPlan(run.graph(), {.allValues = true});
  std::optional<SignPatterns> patterns;
  if ((request.measures & kPatterns) != 0)
    patterns.emplace(run.graph(), patternPlan, request.networks.minibatch.batch, run.kernels, run.asks(Measure::swap));
  SignPatterns* waiting = patterns ? &*patterns : nullptr;
  const auto riding = [&](uint32_t measures) { return measures | (waiting == nullptr ? 0 : kPatterns); };
  if ((request.measures & kLossGradients) != 0)
    step(riding(kLossGradients), [&] { measureLossGradients(run, std::exchange(waiting, nullptr)); });
  if ((request.measures & kInputGradients) != 0)
    step(riding(kInputGradients), [&] { measureInputGradients(run, std::exchange(waiting, nullptr)); });
  if (waiting != nullptr) {
    step(kPatterns, [&] {
      Executor executor(run.graph(), patternPlan, run.weights, request.networks.minibatch.batch, run.kernels);
      executor.run(run.images(), {.observer = waiting});
    });
  }
  step(bit(Measure::naswot), [&] { run.set(Measure::naswot, patterns->logDeterminant()); });
  step(bit(Measure::swap), [&] { run.set(Measure::swap, patterns->uniquePatterns()); });

  step(bit(Measure::zico), [&] { measureHalves(run); });
  step(bit(Measure::gradSign), [&] { measureSamples(run); });
  step(bit(Measure::grasp), [&] { measureCurvature(run); });
  step(bit(Measure::synflow) | bit(Measure::logSynflow), [&] { measurePositive(run); });
  step(bit(Measure::zen), [&] { measureNoise(run); });
  step(bit(Measure::meco), [&] { measureFeatures(run); });
  step(kBlocks, [&] { measureBlocks(run); });
  result.scores = std::move(run.scores);
  result.total = since(start);
  return result;
}

}  // namespace eznas
