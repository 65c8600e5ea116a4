#pragma once
// Softmax over the middle of outer × axis × inner by one block.
#include <cuda_runtime.h>

#include "kernels/cuda/program_block.cuh"
#include "kernels/cuda/program_values.cuh"

namespace eznas::cuda {

/// One column by `lanes` lanes (1 or a whole warp), this one the `lane`-th: exponentials of the differences from the
/// maximum over their sum, which is taken in float64.
template <uint32_t lanes>
__device__ __forceinline__ void softmaxColumn(const float* x, float* y, uint32_t axis, uint32_t inner, uint32_t lane) {
  // What becomes of NaN in the maximum does not matter: it reaches every result through the sum.
  float top = x[0];
#pragma unroll 4
  for (uint32_t i = lane; i < axis; i += lanes) {
    const float v = x[static_cast<size_t>(i) * inner];
    top = v > top ? v : top;
  }
  if constexpr (lanes == 32) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
      const float other = __shfl_xor_sync(kFullMask, top, distance);
      top = other > top ? other : top;
    }
    // Lanes may disagree where there is NaN.
    top = __shfl_sync(kFullMask, top, 0);
  }
  double total = 0;
  for (uint32_t i = lane; i < axis; i += lanes) {
    const float e = expOf(x[static_cast<size_t>(i) * inner] - top);
    y[static_cast<size_t>(i) * inner] = e;
    total += e;
  }
  if constexpr (lanes == 32) total = warpSum(total);
  const auto sum = static_cast<float>(total);
  for (uint32_t i = lane; i < axis; i += lanes) y[static_cast<size_t>(i) * inner] /= sum;
}

__device__ __forceinline__ void runSoftmax(const MatrixCode& step, const float* x, float* y) {
  const uint32_t axis = step.sizes[1], inner = step.sizes[2], columns = step.sizes[0] * inner;
  const auto start = [&](uint32_t column) {
    const uint32_t outer = column / inner;
    return static_cast<size_t>(outer) * axis * inner + (column - outer * inner);
  };
  // A thread per column reads neighbouring columns together; a warp per column reads along the column.
  if (inner >= 8 && columns >= kBlockThreads) {
    for (uint32_t column = threadIdx.x; column < columns; column += kBlockThreads)
      softmaxColumn<1>(x + start(column), y + start(column), axis, inner, 0);
  } else {
    for (uint32_t column = warpOfBlock(); column < columns; column += kBlockWarps)
      softmaxColumn<32>(x + start(column), y + start(column), axis, inner, laneOfWarp());
  }
}

}  // namespace eznas::cuda
