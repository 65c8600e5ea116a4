#pragma once
// Random small graphs of every node kind, with units of every form: ReLU–Conv–BN, ReLU–Conv–Conv–BN with strides in
// either convolution, Conv–BN–ReLU, and without normalization. With `gated`, activations are of every kind too, values
// are multiplied by values and by numbers per channel, and normalizations have scales and shifts.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "test/native/graph_words.h"

namespace eznas::test {

class RandomGraph {
 public:
  explicit RandomGraph(uint64_t seed, bool gated = false)
      : state_(seed * 2 + 1), gated_(gated), words_({pick({1, 3, 5}), between(4, 9), between(4, 9)}) {
    for (int i = 0; i < 8; ++i) below(2);
    const int steps = between(6, 14);
    for (int i = 0; i < steps; ++i) step();
    close();
  }
  Graph graph() const { return words_.graph(); }

 private:
  int below(int n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int>((state_ >> 33) % static_cast<uint64_t>(n));
  }
  int between(int low, int high) { return low + below(high - low + 1); }
  int pick(std::vector<int> of) { return of[static_cast<size_t>(below(static_cast<int>(of.size())))]; }

  int activation(int x) {
    if (!gated_) return words_.relu(x);
    constexpr NodeKind kKinds[] = {NodeKind::relu, NodeKind::relu6, NodeKind::hardSwish, NodeKind::hardSigmoid,
                                   NodeKind::sigmoid};
    return words_.node(kKinds[below(5)], {x});
  }

  int normalization(int x) { return words_.batchNorm(x, gated_ && below(2) == 0); }

  SampleShape shape(int node) const { return decodeGraph(words_.words(0)).nodes[static_cast<size_t>(node)].shape; }
  /// An earlier node, mostly a late one.
  int operand() { return below(3) == 0 ? below(words_.size()) : words_.size() - 1 - below(std::min(4, words_.size())); }

  GraphWords::Conv convolution(const SampleShape& x, bool keepSize) {
    GraphWords::Conv c;
    c.groups = pick({1, 1, 1, x.c});
    c.out = c.groups * (c.groups > 1 ? between(1, 2) : pick({2, 4, 7, 17, 20}));
    c.kernelH = pick({1, 3, 3, 5});
    c.kernelW = pick({1, 3, 3});
    c.dilationH = c.kernelH == 3 ? pick({1, 1, 2}) : 1;
    c.padH = c.dilationH * (c.kernelH - 1) / 2;
    c.padW = (c.kernelW - 1) / 2;
    if (!keepSize) {
      c.strideH = between(1, 2);
      c.strideW = between(1, 2);
      c.bias = below(2);
      if (below(4) == 0 && c.kernelW <= x.w) c.padW = below(2);
    }
    return c;
  }

  void step() {
    const int x = operand();
    const SampleShape s = shape(x);
    switch (below(gated_ ? 18 : 15)) {
      case 0:
        words_.conv(x, convolution(s, false));
        break;
      case 1:
        normalization(x);
        break;
      case 2:
        activation(x);
        break;
      case 3:
      case 4: {  // a sum of everything of this shape, or of some of it
        std::vector<int32_t> terms{x};
        for (int i = 0; i < words_.size(); ++i)
          if (shape(i) == s && below(2) == 0) terms.push_back(i);
        words_.add(terms);
        break;
      }
      case 5: {
        std::vector<int32_t> parts{x};
        for (int i = 0; i < words_.size() && parts.size() < 3; ++i)
          if (shape(i).h == s.h && shape(i).w == s.w && below(2) == 0) parts.push_back(i);
        words_.node(NodeKind::concat, parts);
        break;
      }
      case 6:
      case 7: {
        const int kernelH = std::min(between(1, 3), s.h), kernelW = std::min(between(1, 3), s.w);
        std::vector<int32_t> window{
            kernelH, kernelW, between(1, 2), between(1, 2), below(kernelH / 2 + 1), below(kernelW / 2 + 1), below(2)};
        const bool average = below(2) == 0;
        if (average) window.push_back(below(2));
        words_.node(average ? NodeKind::avgPool : NodeKind::maxPool, {x}, window);
        break;
      }
      case 8:
        words_.zero(x, between(1, 2));
        break;
      case 9:
        words_.node(NodeKind::identity, {x});
        break;
      case 10: {
        const int axis = between(1, 3), extent = axis == 1 ? s.c : axis == 2 ? s.h : s.w;
        const int begin = below(extent);
        words_.node(NodeKind::slice, {x}, {axis, begin, between(begin + 1, extent)});
        break;
      }
      case 11: {
        const int active = activation(x), conv = words_.conv(active, convolution(s, false));
        words_.unit(active, conv, normalization(conv));
        break;
      }
      case 12: {  // separable: the unit holds the first or the second convolution
        const int relu = activation(x);
        const int stride = between(1, 2);
        const int first = words_.conv(relu, {.out = s.c,
                                             .kernelH = 3,
                                             .kernelW = 3,
                                             .strideH = stride,
                                             .strideW = stride,
                                             .padH = 1,
                                             .padW = 1,
                                             .groups = s.c});
        const int second = words_.conv(first, convolution(shape(first), below(2) == 0));
        words_.unit(relu, below(2) == 0 ? first : second, normalization(second));
        break;
      }
      case 13: {  // the activation comes last
        const int conv = words_.conv(x, convolution(s, false));
        const int batchNorm = normalization(conv);
        words_.unit(activation(batchNorm), conv, batchNorm);
        break;
      }
      case 14: {  // without normalization, the activation on either side
        if (below(2) == 0) {
          const int relu = activation(x);
          const int conv = words_.conv(relu, convolution(s, false));
          words_.unit(relu, conv, conv);
        } else {
          const int conv = words_.conv(x, convolution(s, false));
          words_.unit(activation(conv), conv, conv);
        }
        break;
      }
      case 15:
      case 16:
        gate(x);
        break;
      case 17: {  // by a gate of its own shape, often of itself
        int from = x;
        for (int i = 0; i < words_.size(); ++i)
          if (shape(i) == s && below(2) == 0) from = i;
        words_.node(NodeKind::multiply, {x, words_.node(NodeKind::sigmoid, {from})});
        break;
      }
    }
  }

  /// Squeeze and excitation: every channel times a number that depends on all of the image.
  void gate(int x) {
    const SampleShape s = shape(x);
    const int squeezed = words_.conv(words_.node(NodeKind::globalAvgPool, {x}), {.out = 3, .bias = 1});
    const int excited = words_.conv(activation(squeezed), {.out = s.c, .bias = 1});
    words_.node(NodeKind::multiply, {x, activation(excited)});
  }

  /// Joins the last few nodes by their means, so that most of the graph counts.
  void close() {
    std::vector<int32_t> parts;
    for (int i = std::max(1, words_.size() - 4); i < words_.size(); ++i) parts.push_back(i);
    for (int32_t& part : parts) {
      const int unit = words_.triple(part, {.out = 3, .kernelH = 1, .kernelW = 1});
      part = words_.node(NodeKind::globalAvgPool, {words_.relu(unit)});
    }
    words_.linear(words_.node(NodeKind::concat, parts), 4, 1);
  }

  uint64_t state_;
  bool gated_;
  GraphWords words_;
};

}  // namespace eznas::test
