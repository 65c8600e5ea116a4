#include "native/core/weights.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/random_kernels.h"
#include "native/core/collect.h"
#include "native/core/plan.h"
#include "native/core/simd.h"

namespace eznas {
namespace {

/// 64-byte steps keep every tensor aligned.
size_t aligned(size_t floats) { return (floats + kLanes - 1) / kLanes * kLanes; }

/// Initial values of a parameter, drawn from (seed, key).
void initialise(const Graph& graph, size_t index, uint64_t seed, uint64_t key, const RandomKernels& random,
                float* out) {
  const size_t size = graph.parameters[index].size;
  const float deviation = initialDeviation(graph, index);
  if (deviation == 0)
    std::fill_n(out, size, graph.parameters[index].role == Parameter::Role::scale ? 1.0f : 0.0f);
  else
    random.normal(seed, key, static_cast<uint32_t>(index), deviation, nullptr, out, size);
}

}  // namespace

float initialDeviation(const Graph& graph, size_t index) {
  const Parameter& parameter = graph.parameters[index];
  if (parameter.role != Parameter::Role::weight) return 0;
  if (graph.nodes[static_cast<size_t>(parameter.node)].kind != NodeKind::conv2d) return 0.01f;
  return static_cast<float>(
      std::sqrt(2.0 / (static_cast<double>(parameter.shape[0]) * parameter.shape[2] * parameter.shape[3])));
}

Weights::Weights(const Graph& graph, std::span<const std::vector<float>> given, uint64_t seed, uint64_t key)
    : weightOf_(graph.nodes.size(), -1), hasBias_(graph.nodes.size(), 0), packedOffset_(graph.nodes.size(), 0) {
  size_t total = 0;
  for (size_t p = 0; p < graph.parameters.size(); ++p) {
    const Parameter& parameter = graph.parameters[p];
    if (parameter.role == Parameter::Role::weight || parameter.role == Parameter::Role::scale)
      weightOf_[static_cast<size_t>(parameter.node)] = static_cast<int>(p);
    else
      hasBias_[static_cast<size_t>(parameter.node)] = 1;
    offsets_.push_back(total);
    total += aligned(parameter.size);
  }
  storage_ = Buffer(total);
  const RandomKernels& random = randomKernels(simdLevel());
  for (size_t p = 0; p < graph.parameters.size(); ++p) {
    float* out = storage_.data() + offsets_[p];
    if (given.empty())
      initialise(graph, p, seed, key, random, out);
    else
      std::copy(given[p].begin(), given[p].end(), out);
  }
}

const float* Weights::weight(int node) const {
  const int index = weightIndex(node);
  return index < 0 ? nullptr : parameter(static_cast<size_t>(index));
}

const float* Weights::bias(int node) const {
  return hasBias_[static_cast<size_t>(node)] ? parameter(static_cast<size_t>(weightIndex(node)) + 1) : nullptr;
}

void Weights::pack(const Graph& graph, const NetworkKernels& kernels, bool backward) {
  size_t total = 0;
  std::vector<int> convolutions;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].kind != NodeKind::conv2d) continue;
    convolutions.push_back(static_cast<int>(i));
    packedOffset_[i] = total;
    total += aligned(kernels.convPackedSize(convShape(graph, static_cast<int>(i))));
  }
  // Kernels may read a register past the last weight.
  forward_ = Buffer(total + kReadSlack);
  if (backward) backward_ = Buffer(total + kReadSlack);
  for (const int node : convolutions) {
    const ConvShape shape = convShape(graph, node);
    const size_t offset = packedOffset_[static_cast<size_t>(node)];
    kernels.convPackForward(shape, weight(node), forward_.data() + offset);
    if (backward) kernels.convPackBackward(shape, weight(node), backward_.data() + offset);
  }
}

std::vector<std::vector<float>> initialParameters(const Graph& graph, uint64_t seed, uint64_t key) {
  std::vector<std::vector<float>> parameters;
  const RandomKernels& random = randomKernels(simdLevel());
  for (size_t p = 0; p < graph.parameters.size(); ++p) {
    parameters.emplace_back(graph.parameters[p].size);
    initialise(graph, p, seed, key, random, parameters.back().data());
  }
  return parameters;
}

}  // namespace eznas
