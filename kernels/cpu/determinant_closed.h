#pragma once
// Determinants of matrices up to 3 × 3 by their closed forms, one matrix per lane.
#include "kernels/cpu/determinant_result.h"

namespace eznas::EZNAS_ISA::programs {

/// The elements themselves, or their logarithms: 0 for negative ones and NaN, −Inf for 0.
inline void ofSingles(const float* x, size_t count, bool logarithm, float* y) {
  const auto f = [&](Reg v) {
    if (!logarithm) return v;
    const Reg positive = v > 0.0f ? logReg(v) : Reg{};
    return v == 0.0f ? splat(-kInfinity) : positive;
  };
  size_t i = 0;
  for (; i + kWidth <= count; i += kWidth) storeReg(y + i, f(loadReg(x + i)));
  if (i < count) storePartial(y + i, f(loadPartial(x + i, count - i)), count - i);
}

/// The elements of kDoubles matrices of `size` elements, one matrix per lane.
template <int size>
[[gnu::always_inline]] inline void loadElements(const float* x, RegDouble (&elements)[size]) {
#if defined(__AVX512F__)
  // Gathered from registers, 32 floats at a time: a permutation reads the low five bits of its indices.
  constexpr int kAll = size * kDoubles, kLoads = (kAll + 15) / 16, kPairs = (kLoads + 1) / 2;
  __m512 loaded[2 * kPairs];
#pragma GCC unroll 6
  for (int i = 0; i < 2 * kPairs; ++i)
    loaded[i] = i * 16 + 16 <= kAll ? _mm512_loadu_ps(x + i * 16)
                : i * 16 < kAll     ? (__m512)loadPartial(x + i * 16, static_cast<size_t>(kAll - i * 16))
                                    : _mm512_setzero_ps();
  const __m512i first =
      _mm512_setr_epi32(0, size, 2 * size, 3 * size, 4 * size, 5 * size, 6 * size, 7 * size, 0, 0, 0, 0, 0, 0, 0, 0);
#pragma GCC unroll 9
  for (int e = 0; e < size; ++e) {
    const __m512i at = (__m512i)((RegInt)first + e);
    __m512 v = _mm512_permutex2var_ps(loaded[0], at, loaded[1]);
#pragma GCC unroll 3
    for (int pair = 1; pair < kPairs; ++pair)
      v = _mm512_mask_blend_ps(_mm512_cmpge_epi32_mask(at, _mm512_set1_epi32(32 * pair)), v,
                               _mm512_permutex2var_ps(loaded[2 * pair], at, loaded[2 * pair + 1]));
    elements[e] = lowerDoubles((Reg)v);
  }
#else
  for (int e = 0; e < size; ++e) {
    RegDouble v{};
    for (int l = 0; l < kDoubles; ++l) v[l] = x[l * size + e];
    elements[e] = v;
  }
#endif
}

/// Products of float32 pairs are exact in float64, so that a difference of two of them is 0 where it should be.
[[gnu::always_inline]] inline RegDouble closedForm(const RegDouble (&x)[4]) {
  const RegDouble left = x[0] * x[3], right = x[1] * x[2];
  return left - right;
}

/// Of three terms, sums of rounding errors are told from what float32 input can leave.
[[gnu::always_inline]] inline RegDouble closedForm(const RegDouble (&x)[9]) {
  const RegDouble ei = x[4] * x[8], fh = x[5] * x[7], di = x[3] * x[8], fg = x[5] * x[6], dh = x[3] * x[7],
                  eg = x[4] * x[6];
  const RegDouble det = x[0] * (ei - fh) - x[1] * (di - fg) + x[2] * (dh - eg);
  const RegDouble terms = magnitudes(x[0]) * (magnitudes(ei) + magnitudes(fh)) +
                          magnitudes(x[1]) * (magnitudes(di) + magnitudes(fg)) +
                          magnitudes(x[2]) * (magnitudes(dh) + magnitudes(eg));
  return magnitudes(det) <= 0x1p-50 * terms ? RegDouble{} : det;
}

/// kDoubles matrices of n × n.
template <int n>
[[gnu::always_inline]] inline RegDouble ofSmall(const float* x, bool logarithm) {
  RegDouble elements[n * n], zeros{};
  loadElements(x, elements);
  for (int i = 0; i < n * n; ++i) zeros += elements[i] * 0.0;  // NaN where an element is not finite
  RegDouble m = closedForm(elements);
  RegLong e{};
  normalizeProduct(m, e);
  const RegDouble result = resultOf(m, e, logarithm);
  return zeros == 0.0 ? result : spread(logarithm ? 0.0 : __builtin_nan(""));
}

template <int n>
void ofSmalls(const float* x, size_t count, bool logarithm, float* y) {
  size_t i = 0;
  for (; i + kDoubles <= count; i += kDoubles) storeFloats(y + i, ofSmall<n>(x + i * n * n, logarithm));
  if (i == count) return;
  float rest[n * n * kDoubles] = {}, results[kDoubles];
  std::memcpy(rest, x + i * n * n, (count - i) * n * n * sizeof(float));
  storeFloats(results, ofSmall<n>(rest, logarithm));
  std::memcpy(y + i, results, (count - i) * sizeof(float));
}

}  // namespace eznas::EZNAS_ISA::programs
