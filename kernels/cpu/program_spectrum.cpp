// What the eigenvalues of a matrix say as a whole, in float64: the logarithm of their product's magnitude, and the
// entropy and the effective number of those of a Gram matrix.
#include "kernels/cpu/determinant_result.h"
#include "kernels/cpu/gram_product.h"
#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/program_math.h"
#include "kernels/cpu/tridiagonal.h"

namespace eznas::EZNAS_ISA::programs {
namespace {

/// ln |x| for a number that is not negative.
double logOf(double x) {
  if (x == 0) return -static_cast<double>(kInfinity);
  if (!(x < static_cast<double>(kInfinity))) return x;
  int64_t exponent = 0;
  if (x < 0x1p-1000) {
    x *= 0x1p200;
    exponent = -200;
  }
  RegDouble m = spread(x);
  RegLong e{};
  normalizeProduct(m, e);
  return logProduct(m, e + exponent)[0];
}

/// LU with partial pivoting of n × n in rows of `padded`, destroyed; the sum of the logarithms of the pivots'
/// magnitudes.
double logPivots(double* a, size_t n, size_t padded) {
  double sum = 0;
  for (size_t k = 0; k < n; ++k) {
    size_t best = k;
    for (size_t i = k + 1; i < n; ++i)
      if (__builtin_fabs(a[i * padded + k]) > __builtin_fabs(a[best * padded + k])) best = i;
    double* const row = a + k * padded;
    double* const other = a + best * padded;
    const size_t from = k / kDoubles * kDoubles;
    for (size_t c = from; c < padded && best != k; c += kDoubles) {
      const RegDouble held = loadAs<RegDouble>(row + c);
      storeReg(row + c, loadAs<RegDouble>(other + c));
      storeReg(other + c, held);
    }
    const double pivot = row[k];
    if (pivot == 0) return -static_cast<double>(kInfinity);
    sum += logOf(__builtin_fabs(pivot));
    for (size_t i = k + 1; i < n; ++i) {
      double* const below = a + i * padded;
      const RegDouble factor = spread(below[k] / pivot);
      for (size_t c = from; c < padded; c += kDoubles)
        storeReg(below + c, loadAs<RegDouble>(below + c) - factor * loadAs<RegDouble>(row + c));
    }
  }
  return sum;
}

/// All eigenvalues of a symmetric tridiagonal matrix, left in `d` in no order: implicit QL with Wilkinson's shift
/// (Golub and Van Loan, Matrix Computations, 8.3.5). `e` holds the n − 1 elements off the diagonal and is destroyed.
void tridiagonalEigenvalues(double* d, double* e, size_t n) {
  constexpr double kEpsilon = 0x1p-52;
  constexpr int kMostSweeps = 60;
  double largest = 0;
  for (size_t i = 0; i < n; ++i) largest = larger(largest, __builtin_fabs(d[i]));
  for (size_t l = 0; l + 1 < n; ++l) {
    for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
      size_t m = l;
      while (m + 1 < n && __builtin_fabs(e[m]) >
                              kEpsilon * larger(__builtin_fabs(d[m]) + __builtin_fabs(d[m + 1]), kEpsilon * largest))
        ++m;
      if (m == l) break;
      double g = (d[l + 1] - d[l]) / (2 * e[l]);
      double r = __builtin_sqrt(g * g + 1);
      g = d[m] - d[l] + e[l] / (g + (g < 0 ? -r : r));
      double s = 1, c = 1, p = 0;
      bool early = false;
      for (size_t i = m; i-- > l;) {
        const double f = s * e[i], b = c * e[i];
        r = __builtin_sqrt(f * f + g * g);
        if (i + 1 < m) e[i + 1] = r;
        if (r == 0) {
          d[i + 1] -= p;
          early = true;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
      }
      if (m + 1 < n) e[m] = 0;
      if (early) continue;
      d[l] -= p;
      e[l] = g;
    }
  }
}

/// The Gram matrix of the rows and its trace; NaN where an element is not finite.
double gramTrace(const float* x, size_t rows, size_t columns, double* g) {
  const size_t padded = paddedDoubles(rows);
  gramProduct(x, rows, columns, g, padded);
  double trace = 0;
  for (size_t i = 0; i < rows; ++i) trace += g[i * padded + i];
  return trace < 1e300 ? trace : static_cast<double>(__builtin_nanf(""));
}

}  // namespace

void logAbsDeterminants(const float* x, size_t n, size_t count, float* y, float* scratch) {
  const size_t padded = paddedDoubles(n);
  double* const a = reinterpret_cast<double*>(scratch);
  for (size_t s = 0; s < count; ++s, x += n * n) {
    bool finite = true;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < padded; ++j) a[i * padded + j] = j < n ? static_cast<double>(x[i * n + j]) : 0;
      for (size_t j = 0; j < n; ++j) finite &= __builtin_fabsf(x[i * n + j]) < kInfinity;
      a[i * padded + i] += kDiagonalShift;
    }
    y[s] = finite ? static_cast<float>(logPivots(a, n, padded) / static_cast<double>(n)) : __builtin_nanf("");
  }
}

float spectralEntropy(const float* x, size_t rows, size_t columns, float* scratch) {
  const size_t padded = paddedDoubles(rows);
  double* const g = reinterpret_cast<double*>(scratch);
  double* const diagonal = g + rows * padded;
  double* const off = diagonal + padded;
  const double trace = gramTrace(x, rows, columns, g);
  if (!(trace > 0)) return static_cast<float>(trace);  // 0 where nothing but zeros is there, or NaN
  // A power of two near 1 / trace brings squares into range.
  int64_t bits;
  std::memcpy(&bits, &trace, sizeof bits);
  bits = (int64_t{2046} << 52) - (bits & (int64_t{0x7ff} << 52));
  double scale;
  std::memcpy(&scale, &bits, sizeof scale);
  tridiagonalize(g, rows, scale, diagonal, off, off + padded);
  tridiagonalEigenvalues(diagonal, off, rows);
  // What is left of an eigenvalue of 0 by rounding does not count.
  const double least = static_cast<double>(rows) * 0x1p-50 * trace;
  double sum = 0, entropy = 0;
  for (size_t i = 0; i < rows; ++i) {
    if (diagonal[i] <= least) diagonal[i] = 0;
    sum += diagonal[i];
  }
  for (size_t i = 0; i < rows; ++i) {
    const double share = diagonal[i] / sum;
    if (share > 0) entropy -= share * logOf(share);
  }
  return static_cast<float>(entropy < 0 ? 0 : entropy);
}

float participationRatio(const float* x, size_t rows, size_t columns, float* scratch) {
  const size_t padded = paddedDoubles(rows);
  double* const g = reinterpret_cast<double*>(scratch);
  const double trace = gramTrace(x, rows, columns, g);
  if (!(trace > 0)) return static_cast<float>(trace);
  double squares = 0;
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < rows; ++j) {
      const double share = g[i * padded + j] / trace;
      squares += share * share;
    }
  return static_cast<float>(1 / squares);
}

}  // namespace eznas::EZNAS_ISA::programs
