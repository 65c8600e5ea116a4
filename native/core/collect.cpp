#include "native/core/collect.h"

#include <array>
#include <optional>
#include <utility>

#include "kernels/cpu/random_kernels.h"
#include "kernels/random.h"
#include "native/core/executor.h"
#include "native/core/passes.h"
#include "native/core/recorder.h"
#include "native/core/simd.h"
#include "native/core/weights.h"

namespace eznas {
namespace {

/// What a pass runs on: the caller's numbers, or numbers drawn from the seed alone, equal for all networks.
std::vector<float> drawn(const CollectRequest& request, Pass pass) {
  const Minibatch& minibatch = request.minibatch;
  const RandomKernels& random = randomKernels(simdLevel());
  std::vector<float> input(minibatch.data.size());
  if (pass == Pass::noise)
    random.normal(request.seed, random::kInputKey, random::kNoiseTensor, 1.0f, nullptr, input.data(), input.size());
  else
    random.normal(request.seed, random::kInputKey, random::kPerturbationTensor, kPerturbation, minibatch.data.data(),
                  input.data(), input.size());
  return input;
}

}  // namespace

std::vector<UnitShapes> unitShapes(const Graph& graph, int batch) {
  std::vector<UnitShapes> shapes;
  const auto activation = [&](const SampleShape& s) { return Shape{4, {batch, s.c, s.h, s.w}}; };
  for (const Unit& unit : graph.units) {
    const Node& conv = graph.nodes[static_cast<size_t>(unit.conv)];
    const SampleShape& before = graph.nodes[static_cast<size_t>(conv.inputs[0])].shape;
    const SampleShape& relu = graph.nodes[static_cast<size_t>(unit.relu)].shape;
    shapes.push_back({activation(before),
                      Shape{4, {conv.outChannels, before.c / conv.groups, conv.window.kernelH, conv.window.kernelW}},
                      activation(graph.nodes[static_cast<size_t>(unit.batchNorm)].shape),
                      relu == before ? std::nullopt : std::optional(activation(relu))});
  }
  return shapes;
}

NetworkStatistics collectNetwork(const CollectRequest& request, size_t index) {
  return collectNetwork(request, index, networkKernels(simdLevel()));
}

NetworkStatistics collectNetwork(const CollectRequest& request, size_t index, const NetworkKernels& kernels) {
  const NetworkRequest& network = request.networks[index];
  const Graph& graph = network.graph;
  const Minibatch& minibatch = request.minibatch;
  const std::array<PassWants, 3> wants = requestWants(request);

  Weights weights(graph, network.parameters, request.seed, network.key);
  if (wants[0].any() || wants[1].any())
    weights.pack(graph, kernels, wants[0].backward() || wants[1].backward() || wants[2].backward());
  Recorder recorder(graph, minibatch.batch, request.tensors, kernels);
  std::array<std::vector<float>, 3> logits;
  std::optional<Plan> plan;
  std::optional<Executor> executor;
  for (const Pass pass : kPasses) {
    const auto p = static_cast<size_t>(pass);
    if (!wants[p].any()) continue;
    // Passes alike share a plan and its feature maps; otherwise the old maps go before the new ones come.
    if (!plan || plan->wants != wants[p]) {
      executor.reset();
      plan.emplace(graph, wants[p]);
      executor.emplace(graph, *plan, weights, minibatch.batch, kernels);
    }
    const std::vector<float>& given = pass == Pass::data    ? minibatch.data
                                      : pass == Pass::noise ? minibatch.noise
                                                            : minibatch.perturbed;
    recorder.beginPass(pass);
    const PassOutputs outputs{&recorder, &logits[p], nullptr};
    executor->run((given.empty() ? drawn(request, pass) : given).data(), outputs);
    recorder.endPass();
  }

  const bool recordsWeights = (request.tensors >> kT3 & 1) != 0;
  if (recordsWeights)
    for (size_t u = 0; u < graph.units.size(); ++u)
      recorder.setWeights(static_cast<int>(u), weights.weight(graph.units[u].conv));
  NetworkStatistics statistics = recorder.take();
  if (recordsWeights) statistics.storage.push_back(weights.take());
  statistics.logits = std::move(logits);
  return statistics;
}

Gradients gradients(const CollectRequest& request, size_t index) {
  const NetworkRequest& network = request.networks[index];
  const NetworkKernels& kernels = networkKernels(simdLevel());
  const Plan plan(network.graph, {.kinds = 0, .logits = true, .allGradients = true});
  Weights weights(network.graph, network.parameters, request.seed, network.key);
  weights.pack(network.graph, kernels, true);
  Gradients result;
  // What no gradient reaches stays zero.
  result.input.assign(request.minibatch.data.size(), 0.0f);
  for (const Parameter& parameter : network.graph.parameters) result.parameters.emplace_back(parameter.size, 0.0f);
  Executor executor(network.graph, plan, weights, request.minibatch.batch, kernels);
  executor.run(request.minibatch.data.data(), {nullptr, &result.logits, &result});
  return result;
}

}  // namespace eznas
