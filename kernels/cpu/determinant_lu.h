#pragma once
// LU with partial pivoting of small matrices in float64, several of them step by step together: the search for a pivot
// is a chain of latencies that the other matrices' searches fill.
//
// A memory row takes LAPACK's column's part (det Aᵀ = det A): the pivot of a step is the largest element of its row,
// found along contiguous memory, and is not moved. The row divided by its pivot, in which the pivot's own place holds
// exactly 1, is subtracted from the rows below; that leaves exact zeros in the pivot's column, which can neither be
// chosen nor matter again. Rows go by panels of four: their multipliers are reduced until each has zeros in the columns
// of the others' pivots, so that the four elements of a row below in those columns are the factors of its update, which
// takes one load and one store for four steps. When half the columns are done the others are moved together, and the
// rest is a matrix of half the width.
#include "kernels/cpu/program_kernels.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {

[[gnu::always_inline]] inline RegLong larger(RegLong a, RegLong b) { return a > b ? a : b; }

template <int half>
[[gnu::always_inline]] inline RegLong exchanged(RegLong v) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(v, v, 0 ^ half, 1 ^ half, 2 ^ half, 3 ^ half, 4 ^ half, 5 ^ half, 6 ^ half, 7 ^ half);
#elif defined(__AVX2__)
  return __builtin_shufflevector(v, v, 0 ^ half, 1 ^ half, 2 ^ half, 3 ^ half);
#else
  return __builtin_shufflevector(v, v, 0 ^ half, 1 ^ half);
#endif
}

[[gnu::always_inline]] inline int64_t largestLane(RegLong v) {
#if defined(__AVX512F__)
  v = larger(v, exchanged<4>(v));
#endif
#if defined(__AVX2__)
  v = larger(v, exchanged<2>(v));
#endif
  v = larger(v, exchanged<1>(v));
  return v[0];
}

/// Lane numbers.
[[gnu::always_inline]] inline RegLong lanes() {
  RegLong v;
  for (int l = 0; l < kDoubles; ++l) v[l] = l;
  return v;
}

constexpr size_t kTogether = 8;        // matrices in one batch at most
constexpr size_t kPanel = 4;           // rows that update the rows below together
constexpr int64_t kIndexBits = 0xfff;  // a column in the low bits of a magnitude: ties go to the first
constexpr int64_t kMagnitudeBits = 0x7fffffffffffffff;

/// The columns that held no pivot yet.
class FreeColumns {
 public:
  void reset(size_t n) {
    for (size_t w = 0; w * 64 < n; ++w) words_[w] = n >= w * 64 + 64 ? ~uint64_t{0} : (uint64_t{1} << n % 64) - 1;
  }
  bool has(size_t c) const { return (words_[c / 64] >> c % 64 & 1) != 0; }
  size_t first() const {
    size_t w = 0;
    while (words_[w] == 0) ++w;
    return w * 64 + static_cast<size_t>(__builtin_ctzll(words_[w]));
  }
  /// Takes column c away; whether an odd number of free ones stand before it: the exchanges that would bring it first.
  bool take(size_t c) {
    uint64_t before = 0;
    for (size_t w = 0; w < c / 64; ++w) before ^= words_[w];
    const uint64_t bit = uint64_t{1} << c % 64;
    before ^= words_[c / 64] & (bit - 1);
    words_[c / 64] &= ~bit;
    return __builtin_parityll(before) != 0;
  }
  /// Eight of them, from column c, a multiple of 8.
  unsigned eight(size_t c) const { return static_cast<unsigned>(words_[c / 64] >> c % 64) & 0xff; }

 private:
  uint64_t words_[kMaxDeterminantSize / 64 + 1];
};

/// One matrix: its rows, padded with zeros to whole registers, and what became of it so far.
struct Slice {
  double* rows;
  double small;                 // a pivot up to this magnitude is suspect
  bool odd, suspect, singular;  // the sign of the permutation; singular: a row of exact zeros was met
  int pivots[kPanel];           // columns of the panel's pivots
  FreeColumns free;

  size_t column(size_t panelRow) const { return static_cast<size_t>(pivots[panelRow]); }
};

/// Elimination with rows of `registers` registers, 0 where the number is not known at compile time.
template <size_t registers>
struct Stage {
  size_t registersAtRunTime;

  [[gnu::always_inline]] size_t perRow() const { return registers > 0 ? registers : registersAtRunTime; }
  /// Doubles in a row.
  [[gnu::always_inline]] size_t width() const { return perRow() * kDoubles; }

  [[gnu::always_inline]] size_t largestOf(const double* row) const {
    const RegLong position = kIndexBits - lanes();
    RegLong best{};
    for (size_t r = 0; r < perRow(); ++r) {
      const RegLong magnitudes = loadAs<RegLong>(row + r * kDoubles) & (kMagnitudeBits & ~kIndexBits);
      best = larger(best, magnitudes | (position - static_cast<int64_t>(r * kDoubles)));
    }
    return static_cast<size_t>(kIndexBits - (largestLane(best) & kIndexBits));
  }

  /// row − panel[first] · factors[first] − … − panel[last − 1] · factors[last − 1].
  template <size_t first, size_t last>
  [[gnu::always_inline]] void subtract(const double* panel, const RegDouble* factors, double* row) const {
    for (size_t r = 0; r < perRow(); ++r) {
      RegDouble v = loadAs<RegDouble>(row + r * kDoubles);
#pragma GCC unroll 4
      for (size_t i = first; i < last; ++i) v -= loadAs<RegDouble>(panel + i * width() + r * kDoubles) * factors[i];
      storeReg(row + r * kDoubles, v);
    }
  }

  /// Subtracts the panel's first q rows from the next, and turns that into its multipliers. Returns the pivot.
  template <size_t q>
  [[gnu::always_inline]] double takePivot(Slice& slice, double* panel) const {
    double* const row = panel + q * width();
    if constexpr (q > 0) {
      RegDouble factors[q];
#pragma GCC unroll 4
      for (size_t i = 0; i < q; ++i) {
        const size_t p = slice.column(i);
        factors[i] = spread(row[p]);
#pragma GCC unroll 4
        for (size_t j = 0; j < i; ++j) factors[i] -= spread(panel[j * width() + p]) * factors[j];
      }
      subtract<0, q>(panel, factors, row);
    }
    size_t p = largestOf(row);
    const double pivot = row[p];
    double inverse = 1 / pivot;
    if (pivot == 0 || !slice.free.has(p)) {
      // Nothing is left of the row, or numbers beyond float64 are in it: any column will do.
      slice.singular |= pivot == 0;
      p = slice.free.first();
      inverse = 0;
    }
    slice.suspect |= __builtin_fabs(pivot) <= slice.small;
    slice.odd ^= slice.free.take(p);
    slice.pivots[q] = static_cast<int>(p);
    const RegDouble scale = spread(inverse);
    for (size_t r = 0; r < perRow(); ++r) {
      const RegLong isPivot = lanes() == static_cast<int64_t>(p) - static_cast<int64_t>(r * kDoubles);
      storeReg(row + r * kDoubles, isPivot ? RegDouble{} + 1 : loadAs<RegDouble>(row + r * kDoubles) * scale);
    }
    return pivot;
  }

  /// Gives each of the panel's rows zeros in the columns of the others' pivots.
  [[gnu::always_inline]] void reducePanel(const Slice& slice, double* panel) const {
    const auto reduce = [&]<size_t i>() {
      RegDouble factors[kPanel];
#pragma GCC unroll 4
      for (size_t j = i + 1; j < kPanel; ++j) factors[j] = spread(panel[i * width() + slice.column(j)]);
      subtract<i + 1, kPanel>(panel, factors, panel + i * width());
    };
    reduce.template operator()<2>();
    reduce.template operator()<1>();
    reduce.template operator()<0>();
  }

  /// Subtracts the panel's rows from those below it.
  [[gnu::always_inline]] void eliminateBelow(const Slice& slice, const double* panel, size_t rows) const {
    constexpr bool kHeld = registers > 0 && kPanel * registers + 8 <= static_cast<size_t>(kRegisters);
    constexpr size_t kHeldRegisters = kHeld ? registers : 1;
    RegDouble held[kPanel][kHeldRegisters];
    if constexpr (kHeld)
      for (size_t i = 0; i < kPanel; ++i)
        for (size_t r = 0; r < registers; ++r) held[i][r] = loadAs<RegDouble>(panel + i * width() + r * kDoubles);
    const size_t at[kPanel] = {slice.column(0), slice.column(1), slice.column(2), slice.column(3)};
    double* const end = const_cast<double*>(panel) + rows * width();
    for (double* row = const_cast<double*>(panel) + kPanel * width(); row != end; row += width()) {
      RegDouble factors[kPanel];
      for (size_t i = 0; i < kPanel; ++i) factors[i] = spread(row[at[i]]);
      for (size_t r = 0; r < perRow(); ++r) {
        RegDouble v = loadAs<RegDouble>(row + r * kDoubles);
        for (size_t i = 0; i < kPanel; ++i)
          v -= (kHeld ? held[i][r % kHeldRegisters] : loadAs<RegDouble>(panel + i * width() + r * kDoubles)) *
               factors[i];
        storeReg(row + r * kDoubles, v);
      }
    }
  }

  /// `steps` steps on matrices of n rows; pivot k of matrix s goes to pivots[k · kTogether + s]. steps is n or a
  /// multiple of kPanel.
  void run(Slice* slices, size_t count, size_t n, size_t steps, double* pivots) const {
    for (size_t k = 0; k < steps; k += kPanel, pivots += kPanel * kTogether) {
      const size_t rows = n - k < kPanel ? n - k : kPanel;
      const auto step = [&]<size_t q>() {
        if (q >= rows) return;
        for (size_t s = 0; s < count; ++s)
          pivots[q * kTogether + s] = takePivot<q>(slices[s], slices[s].rows + k * width());
      };
      step.template operator()<0>();
      step.template operator()<1>();
      step.template operator()<2>();
      step.template operator()<3>();
      if (k + kPanel >= n) return;
      for (size_t s = 0; s < count; ++s) reducePanel(slices[s], slices[s].rows + k * width());
      for (size_t s = 0; s < count; ++s) eliminateBelow(slices[s], slices[s].rows + k * width(), n - k);
    }
  }
};

/// Moves the free columns of n rows that start at `from` together, into rows of newWidth doubles at slice.rows.
inline void compact(Slice& slice, const double* from, size_t n, size_t width, size_t newWidth) {
  double* to = slice.rows;
  for (size_t i = 0; i < n; ++i, from += width, to += newWidth) {
    size_t c = 0;
    for (size_t old = 0; old < width; old += 8) {
      const unsigned mask = slice.free.eight(old);
#if defined(__AVX512F__)
      storeReg(to + c, (RegDouble)_mm512_maskz_compress_pd(static_cast<__mmask8>(mask), _mm512_loadu_pd(from + old)));
      c += static_cast<size_t>(__builtin_popcount(mask));
#else
      for (size_t l = 0; l < 8; ++l)
        if ((mask >> l & 1) != 0) to[c++] = from[old + l];
#endif
    }
    for (; c < newWidth; ++c) to[c] = 0;
  }
  slice.free.reset(n);
}

/// Eliminates `count` matrices of n × n; their pivots go to pivots[k · kTogether + s].
inline void eliminate(Slice* slices, size_t count, size_t n, double* pivots) {
  size_t width = (n + kDoubles - 1) / kDoubles * kDoubles;
  while (true) {
    const size_t registers = width / kDoubles, next = (registers + 1) / 2 * kDoubles;
    const size_t panels = (n - smaller(n, next) + kPanel - 1) / kPanel;
    const size_t steps = registers == 1 ? n : smaller(n, panels * kPanel);
    switch (registers) {
      case 1:
        return Stage<1>{registers}.run(slices, count, n, steps, pivots);
      case 2:
        Stage<2>{registers}.run(slices, count, n, steps, pivots);
        break;
      case 3:
        Stage<3>{registers}.run(slices, count, n, steps, pivots);
        break;
      case 4:
        Stage<4>{registers}.run(slices, count, n, steps, pivots);
        break;
      default:
        Stage<0>{registers}.run(slices, count, n, steps, pivots);
        break;
    }
    if (steps == n) return;
    n -= steps;
    pivots += steps * kTogether;
    const size_t newWidth = (n + kDoubles - 1) / kDoubles * kDoubles;
    for (size_t s = 0; s < count; ++s) compact(slices[s], slices[s].rows + steps * width, n, width, newWidth);
    width = newWidth;
  }
}

}  // namespace eznas::EZNAS_ISA::programs
