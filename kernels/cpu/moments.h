#pragma once
// Sums over pixels in float64, the inner loop of batch statistics. Per block of 16 channels and pixel a pair of sums
// costs two conversions, two additions and two multiply-adds (AVX-512); four pixels in turn hide their latency.
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {

inline constexpr int kHalf = kWidth / 2;         // float64 per register
inline constexpr int kDoubles = kLanes / kHalf;  // float64 registers per block

/// Two running sums for each of 16 channels.
struct Moments {
  RegDouble first[kDoubles][4]{}, second[kDoubles][4]{};

  /// Adds a row of pixels: term(column, register, first, second) adds those of one register of one pixel.
  template <class Term>
  [[gnu::always_inline]] void addRow(int cols, Term term) {
#pragma GCC unroll 8
    for (int r = 0; r < kDoubles; ++r) {
      RegDouble a0 = first[r][0], a1 = first[r][1], a2 = first[r][2], a3 = first[r][3];
      RegDouble b0 = second[r][0], b1 = second[r][1], b2 = second[r][2], b3 = second[r][3];
      int col = 0;
      for (; col + 4 <= cols; col += 4) {
        term(col, r, a0, b0), term(col + 1, r, a1, b1);
        term(col + 2, r, a2, b2), term(col + 3, r, a3, b3);
      }
      for (; col < cols; ++col) term(col, r, a0, b0);
      first[r][0] = a0, first[r][1] = a1, first[r][2] = a2, first[r][3] = a3;
      second[r][0] = b0, second[r][1] = b1, second[r][2] = b2, second[r][3] = b3;
    }
  }

  /// Adds Σ v and Σ v² of a row, v = p − shift (16 float64).
  [[gnu::always_inline]] void addSquares(const float* p, ptrdiff_t step, int cols, const double* shift) {
    addRow(cols, [&](int col, int r, RegDouble& sum, RegDouble& square) {
      const RegDouble v = loadDouble(p + col * step + r * kHalf) - loadAs<RegDouble>(shift + r * kHalf);
      sum += v;
      square += v * v;
    });
  }

  /// Writes 16 totals each.
  [[gnu::always_inline]] void totals(double* firsts, double* seconds) const {
    for (int r = 0; r < kDoubles; ++r) {
      storeReg(firsts + r * kHalf, (first[r][0] + first[r][1]) + (first[r][2] + first[r][3]));
      storeReg(seconds + r * kHalf, (second[r][0] + second[r][1]) + (second[r][2] + second[r][3]));
    }
  }
};

}  // namespace eznas::EZNAS_ISA
