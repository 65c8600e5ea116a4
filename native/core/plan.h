#pragma once
#include <cstdint>
#include <vector>

#include "kernels/cpu/network_kernels.h"
#include "native/core/graph.h"

namespace eznas {

/// What can be recorded of a unit in one pass, as bits; T3 belongs to no pass.
enum Kind : uint32_t {
  kKindT1 = 1,
  kKindT1G = 2,
  kKindT2 = 4,
  kKindT2G = 8,
  kKindT3G = 16,
  kKindT4 = 32,
  kKindT4G = 64,
};
inline constexpr uint32_t kGradientKinds = kKindT1G | kKindT2G | kKindT3G | kKindT4G;

/// What one pass is run for.
struct PassWants {
  uint32_t kinds = 0;         // Kind bits, for every unit
  bool logits = false;        // value of the output node
  bool allGradients = false;  // of the input and of every parameter
  bool allValues = false;     // every node, whether or not the output depends on it
  bool keepMaps = false;      // a value's feature map stays until its gradient is complete
  bool operator==(const PassWants&) const = default;
  bool any() const { return kinds != 0 || logits || allGradients || allValues; }
  bool backward() const { return allGradients || (kinds & kGradientKinds) != 0; }
};

/// Shape of a convolution or pool as the kernels take it.
ConvShape convShape(const Graph& graph, int node);
PoolShape poolShape(const Node& node);
/// The activation that a node is, as the kernels take it.
Activation activationOf(const Node& node);

/// Which nodes a pass computes, which it differentiates, and which feature maps are read how often. Nothing here
/// depends on batch size, numbers or backend.
///
/// Vocabulary: the *value* of a node is the node whose output it equals by construction (an identity's input; the first
/// of several equal activations of one node). A value is *zero* when it is all zeros whatever the input. The *holder*
/// of a value is the value whose feature map stores it: its own, but for a sum with a single non-zero term.
struct Plan {
  Plan(const Graph& graph, const PassWants& wants);

  int input(const Graph& graph, int node, size_t i = 0) const {
    return value[static_cast<size_t>(graph.nodes[static_cast<size_t>(node)].inputs[i])];
  }
  /// The value that an activation's slope is read off (NetworkKernels::activateBackward), and its pieces too.
  int slope(const Graph& graph, int activation) const {
    const NodeKind kind = graph.nodes[static_cast<size_t>(activation)].kind;
    return kind == NodeKind::hardSwish || kind == NodeKind::hardSigmoid ? input(graph, activation)
                                                                        : value[static_cast<size_t>(activation)];
  }

  PassWants wants;
  std::vector<int> value, holder;
  std::vector<uint8_t> zero;
  std::vector<uint8_t> forward;         // by value: computed in this pass
  std::vector<uint8_t> backward;        // by value: its gradient arrives and is needed
  std::vector<int> uses;                // by holder: reads of the feature map in both directions, recording aside
  std::vector<uint8_t> weightGradient;  // by node
  std::vector<std::vector<int>> unitsByValue;  // by value: units with an activation or T4G recorded there
  std::vector<std::vector<int>> unitsByConv;   // by node
  std::vector<uint8_t> direct;                 // by unit: the convolution, and nothing else, reads the activation

 private:
  void findValues(const Graph& graph);
  void findForward(const Graph& graph);
  void findBackward(const Graph& graph);
  void findReads(const Graph& graph);
  bool passesGradient(const Graph& graph, int node) const;
};

}  // namespace eznas
