#pragma once
// Pooling and its gradients. Gradients gather: each input sums over the windows that cover it, in order.
#include <cuda_runtime_api.h>

#include <cstdint>

namespace eznas::cuda {

/// Planes (images × channels) of inH × inW → outH × outW.
struct Pooling {
  int32_t planes, inH, inW, outH, outW;
  int32_t kernelH, kernelW, strideH, strideW, padH, padW;
  bool countPadding;  // averages: padding, up to `pad` past the input, counts in the divisor
  bool operator==(const Pooling&) const = default;
};

/// `positions`: flat positions iy·inW + ix of the first maximum (PyTorch's rule; a NaN wins); nullptr: not wanted.
struct MaxPoolItem {
  const float* x;
  float* y;
  int32_t* positions;
};
struct MaxPoolBackwardItem {
  const float* gy;
  const int32_t* positions;
  float* gx;
};
struct PoolItem {
  const float* from;
  float* to;
};
void launchMaxPoolForward(const Pooling& shape, const MaxPoolItem* items, int count, cudaStream_t stream);
void launchMaxPoolBackward(const Pooling& shape, const MaxPoolBackwardItem* items, int count, cudaStream_t stream);
void launchAvgPoolForward(const Pooling& shape, const PoolItem* items, int count, cudaStream_t stream);
void launchAvgPoolBackward(const Pooling& shape, const PoolItem* items, int count, cudaStream_t stream);

/// Mean over the pixels of each plane, and its gradient.
void launchGlobalPoolForward(int planes, int pixels, const PoolItem* items, int count, cudaStream_t stream);
void launchGlobalPoolBackward(int planes, int pixels, const PoolItem* items, int count, cudaStream_t stream);

}  // namespace eznas::cuda
