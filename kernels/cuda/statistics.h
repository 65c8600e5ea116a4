#pragma once
// Reductions over blocks whose order does not depend on scheduling: every block writes its part, and the last to
// arrive adds the parts in order.
#include <cuda_runtime.h>

#include <cmath>

namespace eznas::cuda {

/// What batch normalization adds to variances.
inline constexpr double kNormalizationEpsilon = 1e-5;

/// Whether this block is the last of `blocks` that call this with the counter, which is left zero. All threads of a
/// block must call it; what any of them wrote before is seen, past the L1 cache, by the last block.
__device__ __forceinline__ bool lastToArrive(unsigned* counter, int blocks) {
  __threadfence();
  int last = 0;
  __syncthreads();
  if (threadIdx.x == 0) {
    last = atomicAdd(counter, 1u) == static_cast<unsigned>(blocks - 1) ? 1 : 0;
    if (last != 0) *counter = 0;
  }
  last = __syncthreads_or(last);
  if (last != 0) __threadfence();
  return last != 0;
}

/// Mean and 1/√(variance + ε) of a channel from Σ(x − shift)/count and Σ(x − shift)²/count. Rounding may leave the
/// variance of a constant a hair below zero; a NaN stays.
__device__ __forceinline__ void writeNormalization(double first, double second, double shift, float* mean,
                                                   float* inverseStd) {
  double variance = second - first * first;
  if (variance < 0) variance = 0;
  *mean = static_cast<float>(first + shift);
  *inverseStd = static_cast<float>(1.0 / sqrt(variance + kNormalizationEpsilon));
}

}  // namespace eznas::cuda
