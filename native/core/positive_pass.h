#pragma once
#include <functional>
#include <vector>

#include "native/core/feature_pool.h"
#include "native/core/plan.h"
#include "native/core/weights.h"

namespace eznas {

/// The network that Synflow looks at (Tanaka et al., NeurIPS 2020): no normalization, no parameter below zero, one
/// image of ones; a ReLU changes nothing then. `graph` with its normalizations and ReLUs as identities, and without
/// units. Signals grow from layer to layer, so that bounds lose their meaning: ReLU6 and hard swish are identities too,
/// and sigmoids, where signals are large, gates that stand open: ones, which pass no gradient.
Graph positiveGraph(const Graph& graph);

/// Parameters by their magnitudes.
std::vector<std::vector<float>> magnitudes(const Graph& graph, const Weights& weights);

/// Forward and backward pass, from a gradient of ones, of a positive network. Signals grow by a factor per layer and
/// would leave the range of float32 and, in deep networks, that of float64: every feature map has a power of two of its
/// own.
class PositivePass {
 public:
  /// Sees the gradient of one node's weights: `gradient` · 2^exponent.
  using Visitor = std::function<void(int node, const float* gradient, int exponent)>;

  /// `graph` and `weights` are those of the functions above; weights must be packed for both directions.
  PositivePass(const Graph& graph, const Weights& weights, const NetworkKernels& kernels);
  /// Nodes that no gradient reaches are not visited.
  void run(const Visitor& visit);

 private:
  using Reference = FeaturePool::Reference;
  struct Scaled {
    Reference reference;
    int exponent = 0;
    explicit operator bool() const { return static_cast<bool>(reference); }
  };

  const Node& node(int index) const { return graph_.nodes[static_cast<size_t>(index)]; }
  int operand(int index, size_t i = 0) const { return plan_.input(graph_, index, i); }
  FeatureMap map(const Scaled& scaled) const { return pool_.map(scaled.reference); }
  Reference acquire(int value, int halo);
  FeatureMap valueMap(int value);
  /// Brings the largest number into [1, 2).
  void rescale(Scaled& scaled);
  void forward(int index);
  void join(int index, const FeatureMap& y, int& exponent);
  const float* bias(int index, int exponent);
  void backward(int index, const Visitor& visit);
  /// Adds a contribution, which is used up, to a value's gradient.
  void contribute(int value, Scaled contribution);

  const Graph& graph_;
  const Weights& weights_;
  const NetworkKernels& kernels_;
  Plan plan_;
  FeaturePool pool_;
  std::vector<int> mapHalo_, gradientHalo_;
  std::vector<Scaled> values_, gradients_;
  std::vector<Buffer> maxima_;
  std::vector<float> bias_, weightGradient_;
  Buffer scratch_;
};

}  // namespace eznas
