// Softmax over the middle dimension of outer × axis × inner: exponentials of the differences from the maximum, their
// sum in float64.
#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {
namespace {

/// The larger. What becomes of NaN does not matter: it reaches every result through the sum.
[[gnu::always_inline]] inline Reg maximum(Reg a, Reg b) {
#if defined(__AVX512F__)
  return (Reg)_mm512_maskz_max_ps(0xffff, (__m512)a, (__m512)b);
#else
  return a > b ? a : b;
#endif
}

/// One register (or its first n lanes) of inner positions, down the whole axis. Between the three passes the column
/// stands compactly in `work`: lines of a column a power of two apart would evict each other.
template <bool partial>
void column(const float* x, float* y, size_t axis, size_t stride, size_t n, float* work, size_t workStride) {
  const auto get = [&](const float* p) { return partial ? loadPartial(p, n) : loadReg(p); };
  const auto put = [&](float* p, Reg v) {
    if (partial)
      storePartial(p, v, n);
    else
      storeReg(p, v);
  };
  Reg top = get(x);
  for (size_t i = 0; i < axis; ++i) {
    const Reg v = get(x + i * stride);
    top = maximum(v, top);
    put(work + i * workStride, v);
  }
  RegDouble low{}, high{};
  for (size_t i = 0; i < axis; ++i) {
    const Reg e = expReg(get(work + i * workStride) - top);
    put(work + i * workStride, e);
    low += lowerDoubles(e);
    high += upperDoubles(e);
  }
  const Reg sum = joinDoubles(low, high);
  for (size_t i = 0; i < axis; ++i) put(y + i * stride, get(work + i * workStride) / sum);
}

/// A contiguous axis. Spare lanes of the last register stay out of maximum and sum.
void row(const float* x, float* y, size_t axis) {
  const size_t whole = axis / kWidth * kWidth, rest = axis - whole;
  float lanes[kWidth];
  Reg tops = splat(x[0]);
  for (size_t i = 0; i < whole; i += kWidth) tops = maximum(loadReg(x + i), tops);
  storeReg(lanes, tops);
  float top = lanes[0];
  for (int l = 1; l < kWidth; ++l) top = lanes[l] > top ? lanes[l] : top;
  for (size_t i = whole; i < axis; ++i) top = x[i] > top ? x[i] : top;

  RegDouble sums{};
  for (size_t i = 0; i < whole; i += kWidth) {
    const Reg e = expReg(loadReg(x + i) - top);
    storeReg(y + i, e);
    sums += lowerDoubles(e) + upperDoubles(e);
  }
  if (rest > 0) {
    storePartial(y + whole, expReg(loadPartial(x + whole, rest) - top), rest);
    const Reg e = loadPartial(y + whole, rest);
    sums += lowerDoubles(e) + upperDoubles(e);
  }
  const Reg sum = splat(static_cast<float>(lanesTotal(sums)));
  for (size_t i = 0; i < whole; i += kWidth) storeReg(y + i, loadReg(y + i) / sum);
  if (rest > 0) storePartial(y + whole, loadPartial(y + whole, rest) / sum, rest);
}

}  // namespace

void softmax(const float* x, float* y, size_t outer, size_t axis, size_t inner, float* scratch) {
  const size_t slab = axis * inner;
  for (size_t o = 0; o < outer; ++o, x += slab, y += slab) {
    if (inner == 1) {
      row(x, y, axis);
      continue;
    }
    const bool compact = axis <= kSoftmaxAxis;
    for (size_t j = 0; j < inner; j += kWidth) {
      float* work = compact ? scratch : y + j;
      const size_t workStride = compact ? kWidth : inner;
      if (j + kWidth <= inner)
        column<false>(x + j, y + j, axis, inner, kWidth, work, workStride);
      else
        column<true>(x + j, y + j, axis, inner, inner - j, work, workStride);
    }
  }
}

}  // namespace eznas::EZNAS_ISA::programs
