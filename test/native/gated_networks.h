#pragma once
// Networks with activations other than ReLU and with gates, for the tests of both backends.
#include <cstdint>

#include "test/native/network_requests.h"
#include "test/native/reference_network.h"

namespace eznas::test {

/// Gates are nearly constant at times, and what normalizes them leaves little but rounding, which no bound should hold.
inline bool cancels(const CollectRequest& request) {
  ReferenceNetwork network(request.networks[0].graph, request.networks[0].parameters, request.minibatch.batch);
  network.settle(request.minibatch.data);
  return network.cancellation() > 50;
}

/// Known zeros are not computed, but a gate or a hard swish of them passes gradients on.
inline CollectRequest activationsOfZero() {
  GraphWords words({3, 5, 5});
  const int zero = words.zero(0), conv = words.conv(0, {.out = 3});
  const int swish =
      words.node(NodeKind::hardSwish, {words.conv(zero, {.out = 3, .kernelH = 3, .kernelW = 3, .padH = 1, .padW = 1})});
  const int gated = words.node(NodeKind::multiply, {conv, words.node(NodeKind::hardSigmoid, {zero})});
  const int nothing = words.node(NodeKind::multiply, {words.conv(zero, {.out = 3}), conv});
  const int behind = words.conv(swish, {.out = 3, .kernelH = 3, .kernelW = 3, .padH = 1, .padW = 1});
  words.unit(swish, behind, words.batchNorm(behind));
  const int sixth = words.node(NodeKind::relu6, {zero}), flat = words.conv(sixth, {.out = 3});
  words.unit(sixth, flat, flat);
  words.linear(words.add({behind, gated, nothing, flat, words.node(NodeKind::multiply, {conv, conv})}), 2, 0);
  return requestFor(words.graph(), 5);
}

/// MobileNetV3's blocks: each expands, convolves by channel, is gated by squeeze and excitation, and projects; units
/// are convolution → batch normalization → activation.
class MobileNetwork {
 public:
  MobileNetwork(NodeKind activation, int kernel) : activation_(activation), kernel_(kernel), words_({3, 12, 12}) {
    int x = active(0, {.out = 8, .kernelH = 3, .kernelW = 3, .padH = 1, .padW = 1});
    x = block(x, 8, {.out = 12, .strideH = 2, .strideW = 2}, false);
    x = block(x, 12, {.out = 12}, true);
    x = block(x, 12, {.out = 20, .strideH = 2, .strideW = 2}, true);
    x = active(x, {.out = 40});
    words_.linear(words_.node(NodeKind::globalAvgPool, {x}), 10, 1);
  }
  Graph graph() const { return words_.graph(); }

 private:
  int active(int x, const GraphWords::Conv& c) {
    const int conv = words_.conv(x, c), batchNorm = words_.batchNorm(conv), y = words_.node(activation_, {batchNorm});
    words_.unit(y, conv, batchNorm);
    return y;
  }
  int block(int x, int channels, GraphWords::Conv projection, bool gated) {
    const int wide = 3 * channels, pad = kernel_ / 2;
    int y = active(active(x, {.out = wide}), {.out = wide,
                                              .kernelH = kernel_,
                                              .kernelW = kernel_,
                                              .strideH = projection.strideH,
                                              .strideW = projection.strideW,
                                              .padH = pad,
                                              .padW = pad,
                                              .groups = wide});
    if (gated) {
      const int squeezed = words_.conv(words_.node(NodeKind::globalAvgPool, {y}), {.out = channels, .bias = 1});
      const int excited = words_.conv(words_.relu(squeezed), {.out = wide, .bias = 1});
      y = words_.node(NodeKind::multiply, {y, words_.node(NodeKind::hardSigmoid, {excited})});
    }
    const bool same = projection.out == channels && projection.strideH == 1;
    projection.strideH = projection.strideW = 1;
    const int projected = words_.batchNorm(words_.conv(y, projection));
    return same ? words_.add({x, projected}) : projected;
  }

  NodeKind activation_;
  int kernel_;
  GraphWords words_;
};

}  // namespace eznas::test
