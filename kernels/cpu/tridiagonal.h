#pragma once
// Householder's reduction of a symmetric matrix to tridiagonal form (Golub and Van Loan, Matrix Computations, 8.3).
//
// The update of one step, G ← G − v·wᵀ − w·vᵀ, and the product of the updated G with the next step's v go over the
// matrix together: it is read and written once per step. For that the update waits until the next v is known, which
// takes one updated row.
#include "kernels/cpu/program_kernels.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {

/// Vectors of one step, `padded` float64 each; v is zero before the columns that the step is about.
struct Reflection {
  double* v;
  double* w;
};

/// Lanes of the register from `first` on whose columns are `begin` or later.
[[gnu::always_inline]] inline RegLong columnsFrom(size_t begin, size_t first) {
  RegLong lane;
  for (int l = 0; l < kDoubles; ++l) lane[l] = l;
  return lane >= static_cast<int64_t>(begin) - static_cast<int64_t>(first);
}

/// Updates `registers` registers of rows from `row` to n, and writes their products with next.v to next.w.
template <int registers>
[[gnu::always_inline]] inline void updateStrip(double* g, size_t row, size_t n, size_t padded, size_t column,
                                               const Reflection& last, const Reflection& next) {
  RegDouble v[registers], w[registers], products[registers] = {};
  for (int r = 0; r < registers; ++r) {
    v[r] = loadAs<RegDouble>(last.v + column + r * kDoubles);
    w[r] = loadAs<RegDouble>(last.w + column + r * kDoubles);
  }
  for (size_t i = row; i < n; ++i) {
    double* const to = g + i * padded + column;
    const RegDouble vi = spread(last.v[i]), wi = spread(last.w[i]), factor = spread(next.v[i]);
    for (int r = 0; r < registers; ++r) {
      const RegDouble updated = (loadAs<RegDouble>(to + r * kDoubles) - vi * w[r]) - wi * v[r];
      storeReg(to + r * kDoubles, updated);
      products[r] += factor * updated;
    }
  }
  for (int r = 0; r < registers; ++r) storeReg(next.w + column + r * kDoubles, products[r]);
}

inline void updateRows(double* g, size_t row, size_t n, size_t padded, size_t column, const Reflection& last,
                       const Reflection& next) {
  constexpr int kStrip = kRegisters == 32 ? 8 : 4;
  const auto strips = [&]<int registers>() {
    for (; column + registers * kDoubles <= padded; column += registers * kDoubles)
      updateStrip<registers>(g, row, n, padded, column, last, next);
  };
  strips.template operator()<kStrip>();
  strips.template operator()<kStrip / 2>();
  strips.template operator()<kStrip / 4>();
  strips.template operator()<1>();
}

/// Diagonal and off-diagonal of the tridiagonal form of g, n × n in rows of n padded with zeros; g is overwritten.
/// `scale`, a power of 2, brings g's elements to where their squares are in range. Scratch: 4 · n padded.
inline void tridiagonalize(double* g, size_t n, double scale, double* diagonal, double* off, double* scratch) {
  const size_t padded = paddedDoubles(n);
  for (size_t i = 0; i < 4 * padded; i += kDoubles) storeReg(scratch + i, RegDouble{});
  Reflection last{.v = scratch, .w = scratch + padded}, next{.v = last.w + padded, .w = last.w + 2 * padded};
  for (size_t k = 0; k < n; ++k) {
    double* const row = g + k * padded;
    const RegDouble vk = spread(last.v[k]), wk = spread(last.w[k]);
    for (size_t c = k / kDoubles * kDoubles; c < padded; c += kDoubles)
      storeReg(row + c,
               (loadAs<RegDouble>(row + c) - vk * loadAs<RegDouble>(last.w + c)) - wk * loadAs<RegDouble>(last.v + c));
    diagonal[k] = row[k];
    if (k + 1 == n) return;
    if (k + 2 == n) {
      off[k] = row[k + 1];
      continue;
    }
    // v = x ± ‖x‖·e₁ with x = row[k + 1 …]; the sign avoids cancellation.
    const size_t first = (k + 1) / kDoubles * kDoubles;
    RegDouble squares{};
    for (size_t c = first; c < padded; c += kDoubles) {
      const RegDouble x = loadAs<RegDouble>(row + c) * scale;
      const RegDouble kept = c == first ? (RegDouble)((RegLong)x & columnsFrom(k + 1, c)) : x;
      storeReg(next.v + c, kept);
      squares += kept * kept;
    }
    const double square = lanesTotal(squares), lead = next.v[k + 1];
    double beta = 0;
    if (square < 0x1p-900) {
      off[k] = 0;
      for (size_t c = first; c < padded; c += kDoubles) storeReg(next.v + c, RegDouble{});
    } else {
      const double norm = __builtin_sqrt(square), size = norm + __builtin_fabs(lead);
      off[k] = (lead > 0 ? -norm : norm) / scale;
      next.v[k + 1] = lead > 0 ? size : -size;
      beta = 1 / (norm * size);  // 2 / vᵀv
    }
    updateRows(g, k + 1, n, padded, first, last, next);
    // w = p − (beta / 2 · p·v)·v with p = beta·G·v. Of a remainder of rounding errors, beta² would overflow.
    RegDouble along{};
    storeReg(next.w + first, (RegDouble)(loadAs<RegLong>(next.w + first) & columnsFrom(k + 1, first)));
    for (size_t c = first; c < padded; c += kDoubles)
      along += loadAs<RegDouble>(next.w + c) * loadAs<RegDouble>(next.v + c);
    const RegDouble factor = spread(beta), half = spread(beta / 2 * (beta * lanesTotal(along)));
    for (size_t c = first; c < padded; c += kDoubles)
      storeReg(next.w + c, loadAs<RegDouble>(next.w + c) * factor - half * loadAs<RegDouble>(next.v + c));
    const Reflection used = last;
    last = next;
    next = used;
  }
}

}  // namespace eznas::EZNAS_ISA::programs
