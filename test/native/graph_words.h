#pragma once
// Writes the int32 words of a graph (native/core/graph.h) node by node.
#include <cstdint>
#include <utility>
#include <vector>

#include "native/core/graph.h"

namespace eznas::test {

class GraphWords {
 public:
  explicit GraphWords(SampleShape input) : input_(input) { node(NodeKind::input, {}); }

  int node(NodeKind kind, std::vector<int32_t> inputs, const std::vector<int32_t>& attributes = {}) {
    body_.push_back(static_cast<int32_t>(kind));
    body_.push_back(static_cast<int32_t>(inputs.size()));
    body_.insert(body_.end(), inputs.begin(), inputs.end());
    body_.insert(body_.end(), attributes.begin(), attributes.end());
    return nodes_++;
  }
  struct Conv {
    int out = 1, kernelH = 1, kernelW = 1, strideH = 1, strideW = 1, padH = 0, padW = 0, dilationH = 1, dilationW = 1,
        groups = 1, bias = 0;
  };
  int conv(int x, const Conv& c) {
    return node(NodeKind::conv2d, {x},
                {c.out, c.kernelH, c.kernelW, c.strideH, c.strideW, c.padH, c.padW, c.dilationH, c.dilationW, c.groups,
                 c.bias});
  }
  int batchNorm(int x, bool scaled = false) { return node(NodeKind::batchNorm, {x}, {scaled ? 2 : 1}); }
  int relu(int x) { return node(NodeKind::relu, {x}); }
  int add(std::vector<int32_t> terms) { return node(NodeKind::add, std::move(terms)); }
  int zero(int x, int stride = 1) { return node(NodeKind::zero, {x}, {stride}); }
  int linear(int x, int features, int bias) { return node(NodeKind::linear, {x}, {features, bias}); }
  void unit(int relu, int conv, int batchNorm) { units_.insert(units_.end(), {relu, conv, batchNorm}); }
  /// relu → conv → batchNorm, a unit.
  int triple(int x, const Conv& c) {
    const int r = relu(x), k = conv(r, c), b = batchNorm(k);
    unit(r, k, b);
    return b;
  }
  int size() const { return nodes_; }

  std::vector<int32_t> words(int output) const {
    std::vector<int32_t> w{1, nodes_, static_cast<int32_t>(units_.size() / 3), output, input_.c, input_.h, input_.w};
    w.insert(w.end(), body_.begin(), body_.end());
    w.insert(w.end(), units_.begin(), units_.end());
    return w;
  }
  /// The graph whose output is the last node.
  Graph graph() const { return decodeGraph(words(nodes_ - 1)); }

 private:
  SampleShape input_;
  int nodes_ = 0;
  std::vector<int32_t> body_, units_;
};

}  // namespace eznas::test
