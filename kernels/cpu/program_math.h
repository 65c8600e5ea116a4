#pragma once
// exp, log and sigmoid of a register, within 2 ulp over all of float32, and partial loads and stores for tails.
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels/cpu/registers.h"
#include "kernels/float_series.h"

namespace eznas::EZNAS_ISA::programs {

typedef int64_t RegLong __attribute__((vector_size(4 * kWidth)));
typedef uint32_t RegBits __attribute__((vector_size(4 * kWidth)));  // arithmetic that may wrap round
inline constexpr int kDoubles = kWidth / 2;
inline constexpr float kInfinity = __builtin_inff();

// Not Reg{} + x: that turns −0 into 0, so it costs an addition.
#if defined(__AVX512F__)
[[gnu::always_inline]] inline Reg splat(float x) { return (Reg)_mm512_set1_ps(x); }
[[gnu::always_inline]] inline RegDouble spread(double x) { return (RegDouble)_mm512_set1_pd(x); }
#elif defined(__AVX2__)
[[gnu::always_inline]] inline Reg splat(float x) { return (Reg)_mm256_set1_ps(x); }
[[gnu::always_inline]] inline RegDouble spread(double x) { return (RegDouble)_mm256_set1_pd(x); }
#else
[[gnu::always_inline]] inline Reg splat(float x) { return Reg{x, x, x, x}; }
[[gnu::always_inline]] inline RegDouble spread(double x) { return RegDouble{x, x}; }
#endif
[[gnu::always_inline]] inline RegInt bitsOf(Reg x) { return (RegInt)x; }
[[gnu::always_inline]] inline Reg magnitude(Reg x) { return (Reg)(bitsOf(x) & 0x7fffffff); }
/// 1.0 where the mask is set, else 0.0.
[[gnu::always_inline]] inline Reg oneWhere(RegInt mask) { return (Reg)(mask & bitsOf(splat(1.0f))); }

/// All ones in the first n lanes.
[[gnu::always_inline]] inline RegInt firstLanes(size_t n) {
  RegInt lane;
  for (int i = 0; i < kWidth; ++i) lane[i] = i;
  return lane < static_cast<int32_t>(n);
}

/// The first n < kWidth floats at p, zeros after them; nothing past them is touched.
[[gnu::always_inline]] inline Reg loadPartial(const float* p, size_t n) {
#if defined(__AVX512F__)
  return (Reg)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
#elif defined(__AVX2__)
  const RegInt lane{0, 1, 2, 3, 4, 5, 6, 7};
  return (Reg)_mm256_maskload_ps(p, (__m256i)(lane < static_cast<int>(n)));
#else
  Reg v{};
  for (size_t i = 0; i < n; ++i) v[i] = p[i];
  return v;
#endif
}

[[gnu::always_inline]] inline void storePartial(float* p, Reg v, size_t n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), (__m512)v);
#elif defined(__AVX2__)
  const RegInt lane{0, 1, 2, 3, 4, 5, 6, 7};
  _mm256_maskstore_ps(p, (__m256i)(lane < static_cast<int>(n)), (__m256)v);
#else
  for (size_t i = 0; i < n; ++i) p[i] = v[i];
#endif
}

/// Whether any bit is set.
#if defined(__AVX512F__)
[[gnu::always_inline]] inline bool any(RegInt v) { return _mm512_test_epi32_mask((__m512i)v, (__m512i)v) != 0; }
#elif defined(__AVX2__)
[[gnu::always_inline]] inline bool any(RegInt v) { return _mm256_testz_si256((__m256i)v, (__m256i)v) == 0; }
#else
[[gnu::always_inline]] inline bool any(RegInt v) { return ((v[0] | v[1]) | (v[2] | v[3])) != 0; }
#endif

// GCC converts vectors of 512 bits by halves; the instructions below do it at once.

/// kDoubles floats as float64.
[[gnu::always_inline]] inline RegDouble loadDoubles(const float* p) {
#if defined(__AVX512F__)
  return (RegDouble)_mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(p));
#else
  return loadDouble(p);
#endif
}
/// The lower and upper half of a register as float64.
[[gnu::always_inline]] inline RegDouble lowerDoubles(Reg v) {
#if defined(__AVX512F__)
  return (RegDouble)_mm512_maskz_cvtps_pd(0xff, (__m256)__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7));
#elif defined(__AVX2__)
  return __builtin_convertvector(__builtin_shufflevector(v, v, 0, 1, 2, 3), RegDouble);
#else
  return __builtin_convertvector(__builtin_shufflevector(v, v, 0, 1), RegDouble);
#endif
}
[[gnu::always_inline]] inline RegDouble upperDoubles(Reg v) {
#if defined(__AVX512F__)
  return (RegDouble)_mm512_maskz_cvtps_pd(0xff, (__m256)__builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15));
#elif defined(__AVX2__)
  return __builtin_convertvector(__builtin_shufflevector(v, v, 4, 5, 6, 7), RegDouble);
#else
  return __builtin_convertvector(__builtin_shufflevector(v, v, 2, 3), RegDouble);
#endif
}
/// Two registers of float64 rounded to one of float32.
[[gnu::always_inline]] inline Reg joinDoubles(RegDouble low, RegDouble high) {
#if defined(__AVX512F__)
  const __m512 lower = _mm512_castps256_ps512(_mm512_maskz_cvtpd_ps(0xff, (__m512d)low));
  return (Reg)_mm512_maskz_insertf32x8(0xffff, lower, _mm512_maskz_cvtpd_ps(0xff, (__m512d)high), 1);
#elif defined(__AVX2__)
  return (Reg)_mm256_set_m128(_mm256_cvtpd_ps((__m256d)high), _mm256_cvtpd_ps((__m256d)low));
#else
  return Reg{static_cast<float>(low[0]), static_cast<float>(low[1]), static_cast<float>(high[0]),
             static_cast<float>(high[1])};
#endif
}
/// kDoubles float64 rounded to float32.
[[gnu::always_inline]] inline void storeFloats(float* p, RegDouble v) {
  const Reg rounded = joinDoubles(v, v);
  std::memcpy(p, &rounded, kDoubles * sizeof(float));
}
[[gnu::always_inline]] inline RegDouble magnitudes(RegDouble v) { return (RegDouble)((RegLong)v & 0x7fffffffffffffff); }
/// Sum of the lanes.
[[gnu::always_inline]] inline double lanesTotal(RegDouble v) {
  double lanes[8] = {};
  storeReg(lanes, v);
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

using series::kLn2High, series::kLn2Low;

/// x between the bounds; NaN passes.
[[gnu::always_inline]] inline Reg clampReg(Reg x, float low, float high) {
#if defined(__AVX512F__)
  return (Reg)_mm512_maskz_max_ps(0xffff, _mm512_set1_ps(low),
                                  _mm512_maskz_min_ps(0xffff, _mm512_set1_ps(high), (__m512)x));
#else
  x = x > high ? splat(high) : x;
  return x < low ? splat(low) : x;
#endif
}

/// e^x: x = n·ln 2 + r with |r| ≤ ln 2 / 2, a polynomial in r, then a scaling by 2^n that rounds once, into denormals
/// too. With `compensated` what rounding took from r is added at the end: 0.6 ulp instead of 1.
template <bool compensated = false>
[[gnu::always_inline]] inline Reg expReg(Reg x) {
  x = clampReg(x, series::kExpLow, series::kExpHigh);
  const Reg magic = splat(series::kRounder);
  const Reg shifted = x * series::kLog2E + magic;
  const Reg n = shifted - magic;
  const Reg high = x - n * kLn2High;
  const Reg r = high - n * kLn2Low;
  Reg tail = series::expSeries(r) * (r * r);
  if constexpr (compensated) tail += (high - r) - n * kLn2Low;
  const Reg p = (tail + r) + 1.0f;
#if defined(__AVX512F__)
  return (Reg)_mm512_maskz_scalef_ps(0xffff, (__m512)p, (__m512)n);
#else
  const RegInt exponent = bitsOf(shifted) - bitsOf(magic);
  const RegInt half = exponent >> 1;
  const Reg scale = (Reg)((half + 127) << 23);
  return (p * scale) * (Reg)((exponent - half + 127) << 23);
#endif
}

/// ln x for x > 0; NaN stays NaN; anything for x ≤ 0. x = 2^e·(1 + f) with 1 + f in [√½, √2).
[[gnu::always_inline]] inline Reg logReg(Reg x) {
  constexpr uint32_t kSqrtHalf = series::kSqrtHalfBits;
  const RegInt denormal = x < 1.17549435e-38f;
  const Reg scaled = denormal ? x * 33554432.0f : x;
  const RegInt bits = (RegInt)((RegBits)scaled - kSqrtHalf);
  const RegInt exponent = (bits >> 23) - (denormal & 25);
  const Reg f = (Reg)((RegBits)(bits & 0x007fffff) + kSqrtHalf) - 1.0f;
  const Reg e = __builtin_convertvector(exponent, Reg);
  const Reg square = f * f;
  const Reg tail = (series::logSeries(f) * f) * square + e * kLn2Low - 0.5f * square;
  const Reg result = (f + tail) + e * kLn2High;
  return x < kInfinity ? result : x;
}

/// 1 / (1 + e^-x), from e^-|x| so that small results keep their precision, and corrected by what 1 + e lost in
/// rounding.
[[gnu::always_inline]] inline Reg sigmoidReg(Reg x) {
  const Reg e = expReg<true>(-magnitude(x)), d = 1.0f + e;
  const Reg lost = e - (d - 1.0f);
  const RegInt negative = x < 0.0f;
  const Reg y = (negative ? e : splat(1.0f)) / d;
  const Reg inverse = negative ? 1.0f - y : y;  // of d
  return y - y * (lost * inverse);
}

}  // namespace eznas::EZNAS_ISA::programs
