#pragma once
// Vector types of one SIMD level. Every file of kernels/cpu is compiled once per level with EZNAS_ISA naming it; all
// its code lives in namespace eznas::EZNAS_ISA so that the levels never share a symbol. Kernel sources use no standard
// containers: an inline library function compiled for a wide level could be the one the linker keeps for all.
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace eznas::EZNAS_ISA {

/// 16 float32: one AVX-512 register, two of AVX2, four of SSE or NEON. GCC and Clang split it as the level needs.
typedef float Vec __attribute__((vector_size(64)));
typedef int32_t VecInt __attribute__((vector_size(64)));
typedef double VecDouble __attribute__((vector_size(64)));  // 8 float64

inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
inline Vec broadcast(float x) { return Vec{} + x; }

}  // namespace eznas::EZNAS_ISA
