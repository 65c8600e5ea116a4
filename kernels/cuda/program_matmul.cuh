#pragma once
// Products of batches of matrices by one block: float32, each element accumulated in order of k. A thread makes 4 × 4
// elements at a time from registers; neighbouring threads share rows of A and read neighbouring columns of B, which
// both stay in the first-level cache.
#include <cuda_runtime.h>

#include "kernels/cuda/program_block.cuh"

namespace eznas::cuda {

/// Four consecutive floats, or what there is of them.
__device__ __forceinline__ void loadFour(float (&to)[4], const float* p, bool vector, uint32_t count) {
  if (vector) {
    const float4 v = *reinterpret_cast<const float4*>(p);
    to[0] = v.x;
    to[1] = v.y;
    to[2] = v.z;
    to[3] = v.w;
    return;
  }
#pragma unroll
  for (uint32_t j = 0; j < 4; ++j) to[j] = j < count ? p[j] : 0;
}

__device__ __forceinline__ void productTile(const MatrixCode& step, const float* a, const float* b, float* c,
                                            uint32_t row, uint32_t column, bool vectors) {
  const uint32_t rows = min(step.m - row, 4u), columns = min(step.n - column, 4u);
  float sums[4][4] = {};
  a += static_cast<size_t>(row) * step.k;
  b += column;
#pragma unroll 1
  for (uint32_t p = 0; p < step.k; ++p, b += step.n) {
    float right[4];
    loadFour(right, b, vectors, columns);
#pragma unroll
    for (uint32_t i = 0; i < 4; ++i) {
      const float left = a[static_cast<size_t>(i < rows ? i : 0) * step.k + p];
#pragma unroll
      for (int j = 0; j < 4; ++j) sums[i][j] += left * right[j];
    }
  }
  c += static_cast<size_t>(row) * step.n + column;
#pragma unroll
  for (uint32_t i = 0; i < 4; ++i) {
    if (i >= rows) continue;
    float* const to = c + static_cast<size_t>(i) * step.n;
#pragma unroll
    for (uint32_t j = 0; j < 4; ++j)
      if (j < columns) to[j] = sums[i][j];
  }
}

__device__ __forceinline__ void runMatmul(const MatrixCode& step, const float* a, const float* b, float* c) {
  const uint32_t tileRows = (step.m + 3) / 4, tileColumns = (step.n + 3) / 4, perMatrix = tileRows * tileColumns;
  const uint32_t tiles = step.batch[0] * step.batch[1] * perMatrix;  // no more than there are elements
  const bool vectors = step.n % 4 == 0 && reinterpret_cast<uintptr_t>(b) % 16 == 0;
  for (uint32_t tile = threadIdx.x; tile < tiles; tile += kBlockThreads) {
    const uint32_t matrix = tile / perMatrix, inside = tile - matrix * perMatrix;
    const uint32_t row = inside / tileColumns, column = inside - row * tileColumns;
    const uint32_t i = matrix / step.batch[1], j = matrix - i * step.batch[1];
    productTile(step, a + static_cast<size_t>(i) * step.strideA[0] + static_cast<size_t>(j) * step.strideA[1],
                b + static_cast<size_t>(i) * step.strideB[0] + static_cast<size_t>(j) * step.strideB[1],
                c + static_cast<size_t>(matrix) * step.m * step.n, 4 * row, 4 * column, vectors);
  }
}

}  // namespace eznas::cuda
