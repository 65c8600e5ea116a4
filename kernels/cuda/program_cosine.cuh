#pragma once
// Sums of cosines of rows by one block.
#include <cuda_runtime.h>

#include "kernels/cuda/program_block.cuh"

namespace eznas::cuda {

/// Sums over the elements of a row, of every `step`-th from `first` on: a·b, a·a and b·b.
struct RowProducts {
  double ab, aa, bb;
};

__device__ __forceinline__ RowProducts rowProducts(const MatrixCode& code, const float* a, const float* b, uint32_t row,
                                                   uint32_t first, uint32_t step) {
  a += static_cast<size_t>(row) * code.rowStride[0];
  b += static_cast<size_t>(row) * code.rowStride[1];
  RowProducts products{0, 0, 0};
#pragma unroll 2
  for (uint32_t i = first; i < code.length; i += step) {
    const double x = a[static_cast<size_t>(i) * code.stride[0]], y = b[static_cast<size_t>(i) * code.stride[1]];
    products.ab += x * y;
    products.aa += x * x;
    products.bb += y * y;
  }
  return {warpSum(products.ab), warpSum(products.aa), warpSum(products.bb)};
}

__device__ __forceinline__ double cosineOf(const RowProducts& products) {
  constexpr double kEpsilon = 1e-8;
  const double a = sqrt(products.aa), b = sqrt(products.bb);
  return products.ab / ((a < kEpsilon ? kEpsilon : a) * (b < kEpsilon ? kEpsilon : b));
}

/// Σ over rows of a·b / (max(‖a‖, eps) · max(‖b‖, eps)), eps 1e-8. Many rows go to warps in turn, few are shared by all
/// warps, whose sums meet in `sums` (three for each).
__device__ __forceinline__ void runCosine(const MatrixCode& code, const float* a, const float* b, float* out,
                                          double* sums) {
  const uint32_t warp = warpOfBlock();
  double total = 0;
  if (code.rows < kBlockWarps) {
    for (uint32_t row = 0; row < code.rows; ++row) {
      const RowProducts part = rowProducts(code, a, b, row, threadIdx.x, kBlockThreads);
      if (laneOfWarp() == 0) {
        sums[3 * warp] = part.ab;
        sums[3 * warp + 1] = part.aa;
        sums[3 * warp + 2] = part.bb;
      }
      __syncthreads();
      RowProducts products{0, 0, 0};
      for (uint32_t w = 0; w < kBlockWarps; ++w) {
        products.ab += sums[3 * w];
        products.aa += sums[3 * w + 1];
        products.bb += sums[3 * w + 2];
      }
      total += cosineOf(products);
      __syncthreads();
    }
  } else {
    for (uint32_t row = warp; row < code.rows; row += kBlockWarps)
      total += cosineOf(rowProducts(code, a, b, row, laneOfWarp(), 32));
    if (laneOfWarp() == 0) sums[warp] = total;
    __syncthreads();
    total = 0;
    for (uint32_t w = 0; w < kBlockWarps; ++w) total += sums[w];
  }
  if (threadIdx.x == 0) *out = static_cast<float>(total);
}

}  // namespace eznas::cuda
