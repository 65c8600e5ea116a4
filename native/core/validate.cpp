#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/random.h"
#include "native/core/collect.h"
#include "native/core/error.h"
#include "native/core/halos.h"
#include "native/core/memory.h"
#include "native/core/passes.h"
#include "native/core/simd.h"

namespace eznas {
namespace {

std::string text(const SampleShape& s) {
  return std::to_string(s.c) + "×" + std::to_string(s.h) + "×" + std::to_string(s.w);
}

double volume(const SampleShape& s) { return static_cast<double>(s.c) * s.h * s.w; }

/// Floats of a feature map; in float64, since the point is to find sizes that no integer should hold.
double mapFloats(const SampleShape& s, int halo, int batch) {
  const int blocks = (s.c + kLanes - 1) / kLanes;
  return static_cast<double>(blocks) * kLanes * (s.h + 2.0 * halo) * (s.w + 2.0 * halo) * batch;
}

void checkNumbers(const char* what, const std::vector<float>& numbers, const Minibatch& minibatch, bool optional) {
  const auto perImage = static_cast<size_t>(volume(minibatch.shape));
  const size_t expected = perImage * static_cast<size_t>(minibatch.batch);
  if (numbers.empty() && optional) return;
  if (numbers.size() != expected)
    throw Error(code::kInvalidArgument, std::string(what) + " has " + std::to_string(numbers.size()) + " numbers; " +
                                            std::to_string(minibatch.batch) + " images of " + text(minibatch.shape) +
                                            " have " + std::to_string(expected));
  const auto bad = std::find_if_not(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
  if (bad != numbers.end()) {
    const auto at = static_cast<size_t>(bad - numbers.begin());
    throw Error(code::kInvalidArgument, std::string(what) + ": image " + std::to_string(at / perImage) + ", element " +
                                            std::to_string(at % perImage) + " is " + std::to_string(*bad) +
                                            "; every number must be finite");
  }
}

void checkMinibatch(const Minibatch& minibatch) {
  if (minibatch.batch < 1)
    throw Error(code::kInvalidArgument, "batch is " + std::to_string(minibatch.batch) + "; it must be at least 1");
  const SampleShape& s = minibatch.shape;
  if (s.c < 1 || s.h < 1 || s.w < 1)
    throw Error(code::kInvalidArgument, "image shape " + text(s) + " must be at least one along each axis");
  if (volume(s) * minibatch.batch > static_cast<double>(random::kMaxElements))
    throw Error(code::kTooLarge, "a minibatch of " + std::to_string(minibatch.batch) + " images of " + text(s) +
                                     " is over 2^34 numbers");
  checkNumbers("data", minibatch.data, minibatch, false);
  checkNumbers("noise", minibatch.noise, minibatch, true);
  checkNumbers("perturbed", minibatch.perturbed, minibatch, true);
}

void checkParameters(const NetworkRequest& network, const std::string& label) {
  const auto& wanted = network.graph.parameters;
  if (network.parameters.empty()) return;
  if (network.parameters.size() != wanted.size())
    throw Error(code::kInvalidArgument, label + " is given " + std::to_string(network.parameters.size()) +
                                            " parameters; its graph has " + std::to_string(wanted.size()));
  for (size_t p = 0; p < wanted.size(); ++p)
    if (network.parameters[p].size() != wanted[p].size)
      throw Error(code::kInvalidArgument, label + ": parameter " + std::to_string(p) + " (of node " +
                                              std::to_string(wanted[p].node) + ") has " +
                                              std::to_string(network.parameters[p].size()) + " numbers; it takes " +
                                              std::to_string(wanted[p].size));
}

/// Bytes that cannot be avoided for one network: its statistics, its weights and what is kept from forward to backward.
double leastBytes(const CollectRequest& request, const Graph& graph) {
  const int batch = request.minibatch.batch;
  double floats = 0;
  for (const Parameter& parameter : graph.parameters) floats += static_cast<double>(parameter.size);
  for (const UnitShapes& unit : unitShapes(graph, batch)) {
    for (int tensor = 0; tensor < kTensorCount; ++tensor) {
      // T1, T2 and T4 may share storage between units, and T3 is counted with the weights.
      const bool own = (tensor >= kT1GD && tensor <= kT1GP) || (tensor >= kT2GD && tensor <= kT2GP) ||
                       (tensor >= kT3GD && tensor <= kT3GP);
      if (own && (request.tensors >> tensor & 1) != 0) floats += static_cast<double>(unit.of(tensor).numel());
    }
  }
  double maps = 0;
  for (const Pass pass : kPasses) {
    PassWants wants = passWants(request.tensors, pass);
    wants.logits = request.logits && pass == Pass::data;
    if (!wants.any()) continue;
    const Plan plan(graph, wants);
    const Halos halos(graph, plan, networkKernels(simdLevel()));
    double kept = 0, largest = 0;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      if (!plan.forward[i] || plan.holder[i] != static_cast<int>(i)) continue;
      const double size = mapFloats(graph.nodes[i].shape, halos.map[i], batch);
      largest = std::max(largest, size);
      const bool isNormalized = plan.backward[i] && graph.nodes[i].kind == NodeKind::conv2d;
      if (isNormalized || (plan.backward[i] && isActivation(graph.nodes[i].kind))) kept += size;
    }
    maps = std::max(maps, std::max(kept, largest));
  }
  return (floats + maps) * sizeof(float);
}

}  // namespace

void validateInput(const CollectRequest& request) {
  if (request.networks.empty()) throw Error(code::kInvalidArgument, "there are no networks; give at least one");
  if (request.threads < 0)
    throw Error(code::kInvalidArgument,
                "threads is " + std::to_string(request.threads) + "; it must be 0 (all) or more");
  if ((request.tensors & ~kAllTensors) != 0)
    throw Error(code::kInvalidArgument,
                "the tensor set has bits beyond the " + std::to_string(kTensorCount) + " tensors");
  checkMinibatch(request.minibatch);
  for (size_t i = 0; i < request.networks.size(); ++i) {
    const NetworkRequest& network = request.networks[i];
    const std::string label = "network " + std::to_string(i);
    const SampleShape& input = network.graph.nodes.at(0).shape;
    if (input != request.minibatch.shape)
      throw Error(code::kInvalidArgument,
                  label + " takes images of " + text(input) + "; the minibatch has " + text(request.minibatch.shape));
    checkParameters(network, label);
  }
}

void validate(const CollectRequest& request) {
  validateInput(request);
  const double machine = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  const double limit = memoryLimit() == 0 ? machine : std::min(machine, static_cast<double>(memoryLimit()));
  for (size_t i = 0; i < request.networks.size(); ++i) {
    const double bytes = leastBytes(request, request.networks[i].graph);
    if (bytes > limit)
      throw Error(code::kTooLarge, "network " + std::to_string(i) + " needs at least " +
                                       std::to_string(static_cast<int64_t>(bytes / 1e6)) + " MB at batch " +
                                       std::to_string(request.minibatch.batch) + "; the limit is " +
                                       std::to_string(static_cast<int64_t>(limit / 1e6)) +
                                       " MB (memory of the machine, or EZNAS_MEMORY_LIMIT)");
  }
}

}  // namespace eznas
