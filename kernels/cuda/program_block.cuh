#pragma once
// What a block of the interpreter knows of the work it has taken.
#include <cuda_runtime.h>

#include "kernels/cuda/intrinsics.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/program_code.h"
#include "kernels/eigenvalue_search.h"

/// A part of the interpreter as a function of its own: what one part needs of registers takes none from the others.
#if defined(EZNAS_DEVICE_PART)
#elif defined(__CUDACC__)
#define EZNAS_DEVICE_PART __device__ __noinline__ void
#else
#define EZNAS_DEVICE_PART inline void
#endif

namespace eznas::cuda {

/// What all threads of a block need to know; at the start of its dynamic shared memory.
struct BlockState {
  const float* tensors[kTensorCount];
  const unsigned char* code;
  float* scratch;
  double* outcomes;
  double sums[3 * kBlockWarps];  // for threads to meet in
  uint32_t workFloats;           // shared memory after the state and the window
  unsigned item;
  uint32_t step;  // of the group; here so that nothing need stay in registers while the step is run
  // What the products of a Gram matrix are made of, and its trace; here rather than in registers, which the sums take.
  struct {
    const float* x;
    double* g;
    double trace;
    uint32_t rows, length, firstA, firstB, logColumns;
  } gram;
  eigen::Tridiagonal spectrum;  // whose eigenvalues are looked for
};
static_assert(sizeof(BlockState) <= kStateFloats * sizeof(float));

/// Taken anew in every function that is not inlined, so that the compiler knows it for shared memory.
__device__ __forceinline__ BlockState& blockState() {
  EZNAS_DYNAMIC_SHARED(float, shared);
  return *reinterpret_cast<BlockState*>(shared);
}
__device__ __forceinline__ float* sharedFloats(uint32_t from) {
  EZNAS_DYNAMIC_SHARED(float, shared);
  return shared + from;
}
__device__ __forceinline__ double* workDoubles() { return reinterpret_cast<double*>(sharedFloats(kWorkFloats)); }

__device__ __forceinline__ uint32_t warpOfBlock() { return threadIdx.x / 32; }
__device__ __forceinline__ uint32_t laneOfWarp() { return threadIdx.x % 32; }

/// Where a place lies. Recorded tensors are only ever operands.
__device__ __forceinline__ float* addressOf(const BlockState& block, uint32_t place) {
  const uint32_t index = place & kPlaceMask;
  switch (static_cast<PlaceKind>(place >> kPlaceBits)) {
    case PlaceKind::tensor:
      return const_cast<float*>(block.tensors[index]);
    case PlaceKind::shared:
      return sharedFloats(index);
    case PlaceKind::scratch:
      return block.scratch + index;
    default:
      return nullptr;
  }
}

__device__ __forceinline__ double* scratchOf(const BlockState& block, const MatrixCode& step) {
  return reinterpret_cast<double*>(addressOf(block, step.work));
}

template <class T>
__device__ __forceinline__ const T* codeAt(const BlockState& block, uint32_t offset) {
  return reinterpret_cast<const T*>(block.code + offset);
}

/// The step at hand.
__device__ __forceinline__ const StepCode& currentStep(const BlockState& block) {
  return codeAt<StepCode>(block, codeAt<GroupCode>(block, 0)->steps)[block.step];
}
__device__ __forceinline__ const MatrixCode& currentMatrix(const BlockState& block) {
  return *codeAt<MatrixCode>(block, currentStep(block).at);
}

}  // namespace eznas::cuda
