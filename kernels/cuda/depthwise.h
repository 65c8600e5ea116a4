#pragma once
// Depthwise convolution (every channel on its own, one filter each) and its gradients; exact float32 products.
#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/cuda/divisor.h"

namespace eznas::cuda {

/// x: batch × channels × inH × inW, y: batch × channels × outH × outW, weights: channels × kernelH × kernelW.
struct Depthwise {
  int32_t batch, channels, inH, inW, outH, outW;
  int32_t kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW;
  bool relu;  // x is taken as max(0, x), NaN kept
  bool operator==(const Depthwise&) const = default;
};

struct DepthwiseItem {
  const float* source;  // forward: x; gradients: gy
  const float* weights;
  const float* bias;  // forward; or nullptr
  float* target;      // y or gx; or nullptr, where only `masked` is wanted
  const float* mask;  // of the target's shape, or nullptr: then masked = result ⊙ [mask > 0]
  float* masked;
};
struct DepthwiseWeightsItem {
  const float* x;
  const float* gy;
  float* gradient;
};

void launchDepthwiseForward(const Depthwise& shape, const DepthwiseItem* items, int count, cudaStream_t stream);
void launchDepthwiseBackward(const Depthwise& shape, const DepthwiseItem* items, int count, cudaStream_t stream);
void launchDepthwiseWeights(const Depthwise& shape, const DepthwiseWeightsItem* items, int count, cudaStream_t stream);

}  // namespace eznas::cuda
