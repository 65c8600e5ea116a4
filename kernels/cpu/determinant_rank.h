#pragma once
// Whether a matrix is singular but for rounding errors: elimination that keeps beside each element the magnitudes that
// were subtracted to make it, and takes an element for 0 where it is less than 2^-40 of them. That is far above what
// rounding leaves of a true 0, and far below what float32 input leaves of anything else.
#include "kernels/cpu/determinant_lu.h"

namespace eznas::EZNAS_ISA::programs {

constexpr double kCancelled = 0x1p-40;

[[gnu::always_inline]] inline RegDouble cleaned(RegDouble value, RegDouble subtracted) {
  return magnitudes(value) <= kCancelled * subtracted ? RegDouble{} : value;
}

/// A row is `width` values, then as many magnitudes.
template <size_t registers>
struct RankTest {
  size_t registersAtRunTime;

  [[gnu::always_inline]] size_t perRow() const { return registers > 0 ? registers : registersAtRunTime; }
  [[gnu::always_inline]] size_t width() const { return perRow() * kDoubles; }

  /// Subtracts multiples of q rows of multipliers, whose pivots stand in the columns `pivots`, from a row.
  template <size_t q>
  [[gnu::always_inline]] void subtract(const double* panel, const size_t* pivots, double* row) const {
    RegDouble factors[q], sizes[q];
#pragma GCC unroll 4
    for (size_t i = 0; i < q; ++i) {
      const size_t p = pivots[i];
      RegDouble value = spread(row[p]), subtracted = spread(row[width() + p]);
#pragma GCC unroll 4
      for (size_t j = 0; j < i; ++j) {
        const RegDouble multiplier = spread(panel[j * 2 * width() + p]);
        value -= multiplier * factors[j];
        subtracted += magnitudes(multiplier) * sizes[j];
      }
      factors[i] = cleaned(value, subtracted);
      sizes[i] = magnitudes(factors[i]);
    }
    for (size_t r = 0; r < perRow(); ++r) {
      double* const at = row + r * kDoubles;
      RegDouble value = loadAs<RegDouble>(at), subtracted = loadAs<RegDouble>(at + width());
#pragma GCC unroll 4
      for (size_t i = 0; i < q; ++i) {
        const RegDouble multiplier = loadAs<RegDouble>(panel + i * 2 * width() + r * kDoubles);
        value -= multiplier * factors[i];
        subtracted += magnitudes(multiplier) * sizes[i];
      }
      storeReg(at, value);
      storeReg(at + width(), subtracted);
    }
  }

  /// Turns row q of a panel into its multipliers; false where nothing is left of it.
  template <size_t q>
  [[gnu::always_inline]] bool takePivot(double* panel, size_t* pivots) const {
    double* const row = panel + q * 2 * width();
    if constexpr (q > 0) subtract<q>(panel, pivots, row);
    for (size_t r = 0; r < perRow(); ++r) {
      double* const at = row + r * kDoubles;
      storeReg(at, cleaned(loadAs<RegDouble>(at), loadAs<RegDouble>(at + width())));
    }
    const size_t p = Stage<registers>{registersAtRunTime}.largestOf(row);
    if (row[p] == 0) return false;
    pivots[q] = p;
    const double inverse = 1 / row[p];
    for (size_t r = 0; r < perRow(); ++r) storeReg(row + r * kDoubles, loadAs<RegDouble>(row + r * kDoubles) * inverse);
    row[p] = 1;
    return true;
  }

  bool isSingular(const float* x, size_t n, double* rows) const {
    for (size_t i = 0; i < n; ++i)
      for (size_t c = 0; c < width(); ++c) {
        rows[i * 2 * width() + c] = c < n ? static_cast<double>(x[i * n + c]) : 0;
        rows[(i * 2 + 1) * width() + c] = 0;
      }
    for (size_t k = 0; k < n; k += kPanel) {
      double* const panel = rows + k * 2 * width();
      size_t pivots[kPanel];
      const size_t left = n - k;
      if (!takePivot<0>(panel, pivots)) return true;
      if (left > 1 && !takePivot<1>(panel, pivots)) return true;
      if (left > 2 && !takePivot<2>(panel, pivots)) return true;
      if (left > 3 && !takePivot<3>(panel, pivots)) return true;
      for (size_t i = kPanel; i < left; ++i) subtract<kPanel>(panel, pivots, panel + i * 2 * width());
    }
    return false;
  }
};

/// Scratch: 2 · n rows of whole registers.
inline bool isSingular(const float* x, size_t n, double* scratch) {
  const size_t registers = (n + kDoubles - 1) / kDoubles;
  switch (registers) {
    case 1:
      return RankTest<1>{registers}.isSingular(x, n, scratch);
    case 2:
      return RankTest<2>{registers}.isSingular(x, n, scratch);
    case 4:
      return RankTest<4>{registers}.isSingular(x, n, scratch);
    default:
      return RankTest<0>{registers}.isSingular(x, n, scratch);
  }
}

}  // namespace eznas::EZNAS_ISA::programs
