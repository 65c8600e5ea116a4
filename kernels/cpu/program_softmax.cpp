// Softmax over the middle dimension of outer × axis × inner. Exponents of differences from the maximum; float64 sums.
//
// A slab of axis × inner floats is contiguous. Where inner is a register or more, columns of registers go down the
// axis; where it is less, the slab is one run whose register r holds inner positions that repeat every `inner`
// registers, so maxima and sums are kept for `inner` registers and folded at the end.
#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA {
namespace programs {
namespace {

/// The larger, NaN where either is NaN.
[[gnu::always_inline]] inline Reg maximum(Reg a, Reg b) { return a > b || a != a ? a : b; }

[[gnu::always_inline]] inline float maximum(float a, float b) { return a > b || a != a ? a : b; }

/// One register (or n < kWidth floats) of inner positions, down the whole axis.
template <bool partial>
[[gnu::always_inline]] inline void column(const float* x, float* y, size_t axis, size_t stride, size_t n) {
  const auto get = [&](const float* p) { return partial ? loadPartial(p, n) : loadReg(p); };
  const auto put = [&](float* p, Reg v) { partial ? storePartial(p, v, n) : storeReg(p, v); };
  Reg top = get(x);
  for (size_t i = 1; i < axis; ++i) top = maximum(get(x + i * stride), top);
  RegDouble low{}, high{};
  for (size_t i = 0; i < axis; ++i) {
    const Reg e = expReg(get(x + i * stride) - top);
    put(y + i * stride, e);
    low += lowerDoubles(e);
    high += upperDoubles(e);
  }
  Reg sum;
  for (int l = 0; l < kDoubles; ++l) {
    sum[l] = static_cast<float>(low[l]);
    sum[l + kDoubles] = static_cast<float>(high[l]);
  }
  for (size_t i = 0; i < axis; ++i) put(y + i * stride, get(y + i * stride) / sum);
}

/// Slabs whose inner extent is less than a register. `scratch` holds inner registers of maxima, then of sums.
void narrowSlab(const float* x, float* y, size_t axis, size_t inner, float* scratch) {
  const size_t total = axis * inner, whole = total / kWidth, rest = total % kWidth;
  float* tops = scratch;
  float* sums = scratch + inner * kWidth;
  float top[kWidth];
  double sum[kWidth];
  for (size_t j = 0; j < inner; ++j) top[j] = x[j];

  const size_t period = whole < inner ? whole : inner;
  for (size_t r = 0; r < period; ++r) storeReg(tops + r * kWidth, loadReg(x + r * kWidth));
  for (size_t r = period, phase = 0; r < whole; ++r) {
    storeReg(tops + phase * kWidth, maximum(loadReg(x + r * kWidth), loadReg(tops + phase * kWidth)));
    phase = phase + 1 == inner ? 0 : phase + 1;
  }
  for (size_t i = 0, j = 0; i < period * kWidth; ++i) {
    top[j] = maximum(tops[i], top[j]);
    j = j + 1 == inner ? 0 : j + 1;
  }
  for (size_t i = whole * kWidth; i < total; ++i) top[i % inner] = maximum(x[i], top[i % inner]);

  // One register more than the period: the tail may fall in the phase after the last whole register.
  for (size_t i = 0, j = 0; i < inner * kWidth; ++i) {
    tops[i] = top[j];
    j = j + 1 == inner ? 0 : j + 1;
  }
  for (size_t j = 0; j < inner; ++j) sum[j] = 0;
  double* partial = reinterpret_cast<double*>(sums);
  for (size_t i = 0; i < inner * kWidth; ++i) partial[i] = 0;
  const auto addAt = [&](size_t phase, Reg e) {
    double* at = partial + phase * kWidth;
    storeReg(at, loadAs<RegDouble>(at) + lowerDoubles(e));
    storeReg(at + kDoubles, loadAs<RegDouble>(at + kDoubles) + upperDoubles(e));
  };
  size_t phase = 0;
  for (size_t r = 0; r < whole; ++r) {
    const Reg e = expReg(loadReg(x + r * kWidth) - loadReg(tops + phase * kWidth));
    storeReg(y + r * kWidth, e);
    addAt(phase, e);
    phase = phase + 1 == inner ? 0 : phase + 1;
  }
  if (rest > 0) {
    const float* from = x + whole * kWidth;
    const Reg e = expReg(loadPartial(from, rest) - loadPartial(tops + phase * kWidth, rest));
    float tail[kWidth];
    storePartial(y + whole * kWidth, e, rest);
    storeReg(tail, e);
    for (size_t i = 0; i < rest; ++i) partial[phase * kWidth + i] += tail[i];
  }
  for (size_t i = 0, j = 0; i < inner * kWidth; ++i) {
    sum[j] += partial[i];
    j = j + 1 == inner ? 0 : j + 1;
  }

  for (size_t i = 0, j = 0; i < inner * kWidth; ++i) {
    tops[i] = static_cast<float>(sum[j]);
    j = j + 1 == inner ? 0 : j + 1;
  }
  phase = 0;
  for (size_t r = 0; r < whole; ++r) {
    storeReg(y + r * kWidth, loadReg(y + r * kWidth) / loadReg(tops + phase * kWidth));
    phase = phase + 1 == inner ? 0 : phase + 1;
  }
  if (rest > 0) {
    float* at = y + whole * kWidth;
    storePartial(at, loadPartial(at, rest) / loadPartial(tops + phase * kWidth, rest), rest);
  }
}

}  // namespace

void softmax(const float* x, float* y, size_t outer, size_t axis, size_t inner, float* scratch) {
  const size_t slab = axis * inner;
  for (size_t o = 0; o < outer; ++o, x += slab, y += slab) {
    if (inner < kWidth) {
      narrowSlab(x, y, axis, inner, scratch);
      continue;
    }
    size_t j = 0;
    for (; j + kWidth <= inner; j += kWidth) column<false>(x + j, y + j, axis, inner, kWidth);
    if (j < inner) column<true>(x + j, y + j, axis, inner, inner - j);
  }
}

}  // namespace programs
}  // namespace eznas::EZNAS_ISA
