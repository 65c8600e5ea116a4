#pragma once
// The widest vector register of the level being compiled. GCC splits wider vector types through memory, so kernels work
// on registers and take a block of 16 channels as kPerBlock of them.
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kernels/cpu/network_kernels.h"

namespace eznas::EZNAS_ISA {

#if defined(__AVX512F__)
inline constexpr int kWidth = 16, kRegisters = 32;
#elif defined(__AVX2__)
inline constexpr int kWidth = 8, kRegisters = 16;
#elif defined(__aarch64__)
inline constexpr int kWidth = 4, kRegisters = 32;
#else
inline constexpr int kWidth = 4, kRegisters = 16;
#endif
inline constexpr int kPerBlock = kLanes / kWidth;

typedef float Reg __attribute__((vector_size(4 * kWidth)));
typedef int32_t RegInt __attribute__((vector_size(4 * kWidth)));
typedef float RegHalf __attribute__((vector_size(2 * kWidth)));
/// The float64 register: kWidth / 2 values.
typedef double RegDouble __attribute__((vector_size(4 * kWidth)));

template <class T>
[[gnu::always_inline]] inline T loadAs(const void* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
[[gnu::always_inline]] inline Reg loadReg(const float* p) { return loadAs<Reg>(p); }
template <class T>
[[gnu::always_inline]] inline void storeReg(void* p, T v) {
  std::memcpy(p, &v, sizeof v);
}
/// kWidth / 2 floats as float64.
[[gnu::always_inline]] inline RegDouble loadDouble(const float* p) {
  // GCC 12 makes two half conversions and an insertion of what is one instruction.
#if defined(__AVX512F__)
  return _mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(p));
#elif defined(__AVX2__)
  return _mm256_cvtps_pd(_mm_loadu_ps(p));
#else
  return __builtin_convertvector(loadAs<RegHalf>(p), RegDouble);
#endif
}

template <class T>
[[gnu::always_inline]] constexpr T smaller(T a, T b) {
  return b < a ? b : a;
}
template <class T>
[[gnu::always_inline]] constexpr T larger(T a, T b) {
  return a < b ? b : a;
}

/// Blocks that hold c channels.
[[gnu::always_inline]] constexpr int blocksOf(int c) { return (c + kLanes - 1) / kLanes; }
/// Channels that block b of c channels holds, 1 … 16.
[[gnu::always_inline]] constexpr int channelsInBlock(int c, int b) { return smaller(kLanes, c - b * kLanes); }

/// Bit mask (all ones or zero per lane) of the channels in use in register r of block b.
[[gnu::always_inline]] inline RegInt laneMask(int c, int b, int r) {
  RegInt m;
  for (int l = 0; l < kWidth; ++l) m[l] = b * kLanes + r * kWidth + l < c ? -1 : 0;
  return m;
}
/// v where the mask is set, zero elsewhere.
[[gnu::always_inline]] inline Reg masked(Reg v, RegInt mask) { return (Reg)((RegInt)v & mask); }

/// Whether any lane of a comparison's result is set.
[[gnu::always_inline]] inline bool anySet(RegInt mask) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask((__m512i)mask) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_ps((__m256)mask) != 0;
#else
  bool any = false;
  for (int l = 0; l < kWidth; ++l) any |= mask[l] != 0;
  return any;
#endif
}

}  // namespace eznas::EZNAS_ISA
