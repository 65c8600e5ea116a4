#pragma once
// Asynchronous copies from global to shared memory (cp.async; PTX ISA, "Data movement and conversion instructions") and
// reductions of a warp.
#include <cuda_runtime.h>

#include "kernels/cuda/launch.h"

namespace eznas::cuda {

inline constexpr unsigned kFullMask = 0xffffffffu;

/// Starts copying 16 bytes, past the L1 cache; both addresses are 16-byte aligned. Where not `valid`, zeros are written
/// and the source is not read.
__device__ __forceinline__ void copyAsync16(void* shared, const void* global, bool valid = true) {
#if defined(EZNAS_SHIM)
  shim::copyLater(shared, valid ? global : nullptr, 16);
#else
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(to), "l"(global), "r"(bytes) : "memory");
#endif
}

/// The same for 4 bytes, 4-byte aligned.
__device__ __forceinline__ void copyAsync4(void* shared, const void* global, bool valid = true) {
#if defined(EZNAS_SHIM)
  shim::copyLater(shared, valid ? global : nullptr, 4);
#else
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const int bytes = valid ? 4 : 0;
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;\n" ::"r"(to), "l"(global), "r"(bytes) : "memory");
#endif
}

/// Closes the group of this thread's copies started since the last.
__device__ __forceinline__ void commitAsync() {
#if defined(EZNAS_SHIM)
  shim::commitCopies();
#else
  asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}

/// Waits until at most `groupsLeft` of this thread's groups are under way. Other threads' copies need a barrier after
/// it.
template <int groupsLeft>
__device__ __forceinline__ void waitAsync() {
#if defined(EZNAS_SHIM)
  shim::waitCopies(groupsLeft);
#else
  asm volatile("cp.async.wait_group %0;\n" ::"n"(groupsLeft) : "memory");
#endif
}

/// Sum over the 32 lanes, in all of them; the order of additions is fixed.
template <class T>
__device__ __forceinline__ T warpSum(T value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(kFullMask, value, distance);
  return value;
}

}  // namespace eznas::cuda
