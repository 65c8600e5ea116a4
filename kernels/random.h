#pragma once
// Counter-based random numbers, the same bit for bit on every CPU, SIMD level and GPU: Philox 4×32-10 (Salmon, Moraes,
// Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, sections 3.3 and 4) and a Box–Muller transform
// made of correctly rounded float32 operations alone (add, multiply, divide, square root, conversion). Files that
// include this for the host are compiled with -ffp-contract=off; the device functions name their rounding.
#include <cstdint>

#include "kernels/host_device.h"

namespace eznas::random {

/// Tensor ids of the counter: parameters count up from 0 in Graph::parameters order, inputs stand far above them.
inline constexpr uint32_t kNoiseTensor = 0x80000000u;
inline constexpr uint32_t kPerturbationTensor = 0x80000001u;
/// Inputs are drawn with this network key, so that every network sees the same ones.
inline constexpr uint64_t kInputKey = 0;
/// Elements one tensor can hold: its counter word numbers groups of four.
inline constexpr uint64_t kMaxElements = uint64_t{1} << 34;

struct Words4 {
  uint32_t x0, x1, x2, x3;
};

/// Ten rounds of Philox 4×32.
EZNAS_HOST_DEVICE Words4 philox(Words4 c, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = static_cast<uint64_t>(0xD2511F53u) * c.x0;
    const uint64_t p1 = static_cast<uint64_t>(0xCD9E8D57u) * c.x2;
    c = {static_cast<uint32_t>(p1 >> 32) ^ c.x1 ^ key0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c.x3 ^ key1, static_cast<uint32_t>(p0)};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return c;
}

/// The words of elements 4·group … 4·group + 3 of a tensor.
EZNAS_HOST_DEVICE Words4 draw(uint64_t seed, uint64_t network, uint32_t tensor, uint32_t group) {
  const Words4 counter{group, tensor, static_cast<uint32_t>(network), static_cast<uint32_t>(network >> 32)};
  return philox(counter, static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
}

#if defined(__CUDA_ARCH__)
__device__ __forceinline__ float add(float a, float b) { return __fadd_rn(a, b); }
__device__ __forceinline__ float multiply(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ float divide(float a, float b) { return __fdiv_rn(a, b); }
__device__ __forceinline__ float squareRoot(float a) { return __fsqrt_rn(a); }
__device__ __forceinline__ float toFloat(int32_t a) { return __int2float_rn(a); }
__device__ __forceinline__ float fromBits(uint32_t a) { return __uint_as_float(a); }
__device__ __forceinline__ uint32_t toBits(float a) { return __float_as_uint(a); }
#else
EZNAS_HOST_DEVICE float add(float a, float b) { return a + b; }
EZNAS_HOST_DEVICE float multiply(float a, float b) { return a * b; }
EZNAS_HOST_DEVICE float divide(float a, float b) { return a / b; }
EZNAS_HOST_DEVICE float squareRoot(float a) { return __builtin_sqrtf(a); }
EZNAS_HOST_DEVICE float toFloat(int32_t a) { return static_cast<float>(a); }
EZNAS_HOST_DEVICE float fromBits(uint32_t a) { return __builtin_bit_cast(float, a); }
EZNAS_HOST_DEVICE uint32_t toBits(float a) { return __builtin_bit_cast(uint32_t, a); }
#endif

/// −2 ln(u) for a uniform u in (0, 1] made of the upper 31 bits of x and a half step; never negative. ln is taken of
/// the exponent and, by the series of 2·artanh(s), s = f / (2 + f), of the mantissa 1 + f in [√½, √2): the first term
/// left out is below 2e-9 of the sum.
EZNAS_HOST_DEVICE float minusTwoLog(uint32_t x) {
  const float u = add(multiply(toFloat(static_cast<int32_t>(x >> 1)), 0x1p-31f), 0x1p-33f);
  const uint32_t bits = toBits(u);
  const uint32_t sqrtHalf = 0x3F3504F3u;  // bits of √½
  const int32_t exponent = static_cast<int32_t>(bits - sqrtHalf) >> 23;
  const float f = add(fromBits(bits - (static_cast<uint32_t>(exponent) << 23)), -1.0f);
  const float s = divide(f, add(2.0f, f));
  const float s2 = multiply(s, s);
  float series = 1.0f / 9;
  series = add(multiply(series, s2), 1.0f / 7);
  series = add(multiply(series, s2), 1.0f / 5);
  series = add(multiply(series, s2), 1.0f / 3);
  series = add(multiply(series, s2), 1.0f);
  const float log = add(multiply(toFloat(exponent), 0.693147181f), multiply(multiply(2.0f, s), series));
  return multiply(-2.0f, log);
}

struct Pair {
  float cosine, sine;
};

/// Cosine and sine of 2π·x / 2³²: the nearest quarter turn, and Taylor series over the ±⅛ turn that is left.
EZNAS_HOST_DEVICE Pair turn(uint32_t x) {
  const uint32_t quarter = (x + 0x20000000u) >> 30;
  const float angle =
      multiply(toFloat(static_cast<int32_t>(x - (quarter << 30))), 1.46291807926715968e-9f);  // 2π / 2³²
  const float a2 = multiply(angle, angle);
  float sine = 1.0f / 362880;
  sine = add(multiply(sine, a2), -1.0f / 5040);
  sine = add(multiply(sine, a2), 1.0f / 120);
  sine = add(multiply(sine, a2), -1.0f / 6);
  sine = add(multiply(multiply(sine, a2), angle), angle);
  float cosine = 1.0f / 40320;
  cosine = add(multiply(cosine, a2), -1.0f / 720);
  cosine = add(multiply(cosine, a2), 1.0f / 24);
  cosine = add(multiply(cosine, a2), -0.5f);
  cosine = add(multiply(cosine, a2), 1.0f);
  // Rotate by the quarters: swap on odd ones, then set the signs.
  const uint32_t odd = 0u - (quarter & 1u);
  const uint32_t c = toBits(cosine), s = toBits(sine);
  const uint32_t signCosine = ((quarter + 1u) & 2u) << 30, signSine = (quarter & 2u) << 30;
  return {fromBits(((c & ~odd) | (s & odd)) ^ signCosine), fromBits(((s & ~odd) | (c & odd)) ^ signSine)};
}

struct Normals4 {
  float z0, z1, z2, z3;
};

/// Four independent N(0, 1) numbers of four uniform words (Box–Muller); magnitudes reach 6.8.
EZNAS_HOST_DEVICE Normals4 normals(Words4 x) {
  const float r0 = squareRoot(minusTwoLog(x.x0)), r1 = squareRoot(minusTwoLog(x.x2));
  const Pair t0 = turn(x.x1), t1 = turn(x.x3);
  return {multiply(r0, t0.cosine), multiply(r0, t0.sine), multiply(r1, t1.cosine), multiply(r1, t1.sine)};
}

}  // namespace eznas::random
