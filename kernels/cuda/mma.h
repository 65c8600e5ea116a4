#pragma once
// The tensor cores' tf32 product of a 16×8 by an 8×8 matrix by one warp (PTX ISA, "Matrix fragments for mma.m16n8k8").
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/launch.h"
#if defined(EZNAS_SHIM)
#include "mma_scalar.h"
#endif

namespace eznas::cuda {

/// The nearest float32 with 10 bits of mantissa, ties away from zero, as the bits that mmaTf32 takes.
__device__ __forceinline__ uint32_t toTf32(float value) {
#if defined(EZNAS_SHIM)
  return shim::roundToTf32(value);
#else
  uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;\n" : "=r"(bits) : "f"(value));
  return bits;
#endif
}

/// d += a·b, A 16×8 row-major, B 8×8, accumulated in float32. With g = lane / 4 and t = lane % 4 a lane holds
///   a = {A[g][t], A[g+8][t], A[g][t+4], A[g+8][t+4]},  b = {B[t][g], B[t+4][g]},
///   d = {D[g][2t], D[g][2t+1], D[g+8][2t], D[g+8][2t+1]}.
/// All lanes of the warp must call it together.
__device__ __forceinline__ void mmaTf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(EZNAS_SHIM)
  shim::mmaTf32(d, a, b);
#else
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

}  // namespace eznas::cuda
