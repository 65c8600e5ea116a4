#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/cpu/network_kernels.h"
#include "native/core/graph.h"
#include "native/core/memory.h"

namespace eznas {

/// Standard deviation of a parameter's initial values: Kaiming normal, fan-out mode, gain √2 for convolutions (He et
/// al. 2015; fan-out as PyTorch counts it, Cout·kh·kw whatever the groups), 0.01 for linear layers, 0 for biases and
/// for scales and shifts of normalizations.
float initialDeviation(const Graph& graph, size_t parameter);

/// Parameters of one network in Graph::parameters order, in one block, and the packed copies its convolutions read. A
/// normalization's scale and shift are its weight and bias.
/// Made once per network and read by all of its passes.
class Weights {
 public:
  /// Given values, or, where `given` is empty, initial ones drawn from (seed, key).
  Weights(const Graph& graph, std::span<const std::vector<float>> given, uint64_t seed, uint64_t key);

  const float* parameter(size_t index) const { return storage_.data() + offsets_[index]; }
  /// nullptr where the node has no weight among the parameters.
  const float* weight(int node) const;
  /// nullptr where the node has no bias.
  const float* bias(int node) const;
  /// Index of the node's weight in Graph::parameters; its bias, if any, follows.
  int weightIndex(int node) const { return weightOf_[static_cast<size_t>(node)]; }

  void pack(const Graph& graph, const NetworkKernels& kernels, bool backward);
  const float* packedForward(int node) const { return forward_.data() + packedOffset_[static_cast<size_t>(node)]; }
  const float* packedBackward(int node) const { return backward_.data() + packedOffset_[static_cast<size_t>(node)]; }

  /// Gives the parameters' block away (to the statistics, whose T3 point into it).
  Buffer take() { return std::move(storage_); }

 private:
  std::vector<int> weightOf_;
  std::vector<uint8_t> hasBias_;
  std::vector<size_t> offsets_, packedOffset_;
  Buffer storage_, forward_, backward_;
};

}  // namespace eznas
