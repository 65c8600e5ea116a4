#pragma once
// Elementwise operators of programs on the GPU: one value at a time, the same formulas as kernels/cpu/program_math.h.
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/float_series.h"

namespace eznas::cuda {

__device__ __forceinline__ float notANumber() { return __int_as_float(0x7fc00000); }
__device__ __forceinline__ float infinity() { return __int_as_float(0x7f800000); }
__device__ __forceinline__ float oneWhere(bool condition) { return condition ? 1.0f : 0.0f; }

/// 2^n for −126 ≤ n ≤ 127.
__device__ __forceinline__ float powerOfTwo(int n) { return __int_as_float((n + 127) << 23); }

/// e^x, within 1 ulp (compensated: 0.6); scaled in two steps so that denormals are rounded once.
template <bool compensated = false>
__device__ __forceinline__ float expOf(float x) {
  x = x > series::kExpHigh ? series::kExpHigh : x;
  x = x < series::kExpLow ? series::kExpLow : x;
  const float shifted = x * series::kLog2E + series::kRounder;
  const float n = shifted - series::kRounder;
  const float high = x - n * series::kLn2High;
  const float r = high - n * series::kLn2Low;
  float tail = series::expSeries(r) * (r * r);
  if constexpr (compensated) tail += (high - r) - n * series::kLn2Low;
  const float p = (tail + r) + 1.0f;
  const int exponent = __float_as_int(shifted) - __float_as_int(series::kRounder);
  const int half = exponent >> 1;
  return (p * powerOfTwo(half)) * powerOfTwo(exponent - half);
}

/// ln x for x > 0, within 2 ulp; NaN stays NaN; anything for x ≤ 0.
__device__ __forceinline__ float lnOf(float x) {
  const bool denormal = x < 1.17549435e-38f;
  const float scaled = denormal ? x * 33554432.0f : x;
  const int bits = static_cast<int>(__float_as_uint(scaled) - series::kSqrtHalfBits);
  const int exponent = (bits >> 23) - (denormal ? 25 : 0);
  const float f = __uint_as_float((static_cast<uint32_t>(bits) & 0x007fffffu) + series::kSqrtHalfBits) - 1.0f;
  const float e = static_cast<float>(exponent);
  const float square = f * f;
  const float tail = (series::logSeries(f) * f) * square + e * series::kLn2Low - 0.5f * square;
  const float result = (f + tail) + e * series::kLn2High;
  return x < infinity() ? result : x;
}

/// ln x for x > 0, 0 for x ≤ 0, NaN for NaN.
__device__ __forceinline__ float logOf(float x) { return x <= 0.0f ? 0.0f : lnOf(x); }

/// |ln x|, 0 for 0, NaN for x < 0.
__device__ __forceinline__ float absLogOf(float x) {
  const float magnitude = x < 0.0f ? notANumber() : fabsf(lnOf(x));
  return x == 0.0f ? 0.0f : magnitude;
}

/// 1 / (1 + e^−x), from e^−|x| so that small results keep their precision, corrected by what 1 + e lost in rounding.
__device__ __forceinline__ float sigmoidOf(float x) {
  const float e = expOf<true>(-fabsf(x)), d = 1.0f + e;
  const float lost = e - (d - 1.0f);
  const bool negative = x < 0.0f;
  const float y = (negative ? e : 1.0f) / d;
  const float inverse = negative ? 1.0f - y : y;  // of d
  return y - y * (lost * inverse);
}

/// (x − mean) / deviation, 0 where that is NaN.
__device__ __forceinline__ float normalizedOf(float x, float mean, float deviation) {
  const float scaled = (x - mean) / deviation;
  return scaled == scaled ? scaled : 0.0f;
}

/// b·ln b − b·a with 0·ln 0 = 0; NaN where b < 0, and where b = 0 and a is Inf or NaN.
__device__ __forceinline__ float divergenceOf(float a, float b) {
  const float entropy = b < 0.0f ? notANumber() : b * lnOf(b);
  return (b == 0.0f ? 0.0f : entropy) - b * a;
}

}  // namespace eznas::cuda
