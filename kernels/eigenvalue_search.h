#pragma once
// Eigenvalues of a symmetric tridiagonal matrix by multisection with Sturm counts (Golub and Van Loan, Matrix
// Computations, 8.4): what the CPU's vectors of points and the GPU's threads, a point each, have in common.
#include <cstddef>

#include "kernels/host_device.h"

namespace eznas::eigen {

inline constexpr double kPrecision = 0x1p-34;  // relative; what is computed is rounded to float32

/// A symmetric tridiagonal matrix: squares of its off-diagonal, bounds of its spectrum, the magnitude up to which a
/// pivot would overflow the next quotient, and that up to which an eigenvalue is 0.
struct Tridiagonal {
  const double* diagonal;
  const double* squares;
  size_t n;
  double low, high, tiny, zero;
};

/// From the union of Gershgorin's discs, [low, high], and the largest square. An eigenvalue within the rounding errors
/// of the reduction to this form is 0.
EZNAS_HOST_DEVICE Tridiagonal tridiagonal(const double* diagonal, const double* squares, size_t n, double low,
                                          double high, double largestSquare) {
  const double below = low < 0 ? -low : low, above = high < 0 ? -high : high;
  const double bound = below < above ? above : below, slack = 0x1p-50 * bound;
  const double tiny = largestSquare * 0x1p-1000;
  return {diagonal,
          squares,
          n,
          low - slack,
          high + slack,
          0x1p-1000 < tiny ? tiny : 0x1p-1000,
          static_cast<double>(n) * 0x1p-50 * bound};
}

/// The next pivot of T − x after `previous` (1 before the first), and so a count of eigenvalues below x: the negative
/// pivots. `square` is that of the element between. V is double or a vector of doubles, a point each.
template <class V>
EZNAS_HOST_DEVICE V nextPivot(V previous, V x, double diagonal, double square, double tiny) {
  const V q = (diagonal - x) - square / previous;
  // A pivot of almost nothing counts as negative and keeps the next quotient finite.
  return (q < tiny) & (q > -tiny) ? V{} - tiny : q;
}

/// An interval that closes in on one eigenvalue.
struct Bracket {
  double low, high;
  bool done = false;

  /// Point number i of `points` evenly spaced ones inside.
  EZNAS_HOST_DEVICE double point(int i, int points) const { return low + (high - low) * ((i + 1) / (points + 1.0)); }

  /// Takes the last point with too few eigenvalues below it and the first with enough (or the ends).
  EZNAS_HOST_DEVICE void narrow(double newLow, double newHigh, double zero) {
    const bool stuck = newLow >= newHigh || (newLow == low && newHigh == high);
    if (!stuck) {
      low = newLow;
      high = newHigh;
    }
    const double below = low < 0 ? -low : low, above = high < 0 ? -high : high;
    const double size = below < above ? above : below;
    done = stuck || high - low <= kPrecision * size || size <= zero;
  }

  EZNAS_HOST_DEVICE double value(double zero) const {
    const double middle = low + (high - low) / 2;
    return (middle < 0 ? -middle : middle) <= zero ? 0 : middle;
  }
};

/// A search gives up after so many passes.
inline constexpr int kMaxPasses = 64;

}  // namespace eznas::eigen
