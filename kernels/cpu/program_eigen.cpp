// Ratio of the extreme eigenvalues of the Gram matrix of a tensor's rows, all in float64: the matrix (gram_product.h),
// its tridiagonal form (tridiagonal.h), and the two eigenvalues that are asked for (extreme_eigenvalues.h).
//
// An eigenvalue within the rounding errors of the reduction is 0: the ratio of a rank-deficient Gram matrix is Inf, not
// the quotient by an accidental number of accidental sign. So no eigenvalue is negative, and the ratio of magnitudes is
// the same.
#include "kernels/cpu/extreme_eigenvalues.h"
#include "kernels/cpu/gram_product.h"
#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/tridiagonal.h"

namespace eznas::EZNAS_ISA::programs {
namespace {

double sumOfSquares(const float* x, size_t n) {
  RegDouble sums[4] = {};
  size_t i = 0;
  for (; i + 2 * kWidth <= n; i += 2 * kWidth)
    for (int u = 0; u < 4; ++u) {
      const RegDouble v = loadDoubles(x + i + u * kDoubles);
      sums[u] += v * v;
    }
  for (; i < n; i += kWidth) {
    const Reg v = i + kWidth <= n ? loadReg(x + i) : loadPartial(x + i, n - i);
    sums[0] += lowerDoubles(v) * lowerDoubles(v);
    sums[1] += upperDoubles(v) * upperDoubles(v);
  }
  return lanesTotal((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/// Whether an element is not 0.
bool hasNonzero(const float* x, size_t n) {
  for (size_t i = 0; i < n; i += kWidth) {
    const Reg v = i + kWidth <= n ? loadReg(x + i) : loadPartial(x + i, n - i);
    if (any(bitsOf(v) & 0x7fffffff)) return true;
  }
  return false;
}

/// Squares of the off-diagonal in place, and what the search needs to know.
eigen::Tridiagonal bounded(const double* diagonal, double* off, size_t n) {
  double low = static_cast<double>(kInfinity), high = -low, largestSquare = 0, before = 0;
  for (size_t i = 0; i < n; ++i) {
    const double after = i + 1 < n ? __builtin_fabs(off[i]) : 0;
    low = smaller(low, diagonal[i] - before - after);
    high = larger(high, diagonal[i] + before + after);
    off[i] = after * after;
    largestSquare = larger(largestSquare, off[i]);
    before = after;
  }
  const eigen::Tridiagonal t = eigen::tridiagonal(diagonal, off, n, low, high, largestSquare);
  for (size_t i = 0; i < n; ++i) off[i] = larger(off[i], t.tiny);
  return t;
}

/// 2^−e for a normal number of exponent e.
double inverseOrder(double x) {
  int64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits = (int64_t{2046} << 52) - (bits & (int64_t{0x7ff} << 52));
  std::memcpy(&x, &bits, sizeof bits);
  return x;
}

}  // namespace

float gramRatio(const float* x, size_t rows, size_t columns, float* scratch) {
  const size_t n = rows, padded = paddedDoubles(n);
  if (n == 1) {
    const double square = sumOfSquares(x, columns);
    return square < 1e300 ? static_cast<float>(square / square) : __builtin_nanf("");
  }
  if (rows > columns) {
    // Rank-deficient; 0 / 0 where nothing but zeros is there.
    const bool finite = sumOfSquares(x, rows * columns) < 1e300;
    return finite && hasNonzero(x, rows * columns) ? kInfinity : __builtin_nanf("");
  }
  double* const g = reinterpret_cast<double*>(scratch);
  double* const diagonal = g + n * padded;
  double* const off = diagonal + padded;
  double* const work = off + padded;
  gramProduct(x, n, columns, g, padded);
  double largest = 0;
  for (size_t i = 0; i < n; ++i) {
    const double own = g[i * padded + i];
    if (!(own < 1e300)) return __builtin_nanf("");
    largest = larger(largest, own);
  }
  if (largest == 0) return __builtin_nanf("");  // 0 / 0
  tridiagonalize(g, n, inverseOrder(largest), diagonal, off, work);
  const Extremes extremes = extremeEigenvalues(bounded(diagonal, off, n));
  return extremes.smallest == 0 ? kInfinity : static_cast<float>(extremes.largest / extremes.smallest);
}

}  // namespace eznas::EZNAS_ISA::programs
