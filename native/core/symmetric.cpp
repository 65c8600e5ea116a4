#include "native/core/symmetric.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace eznas {
namespace {

constexpr int kMaxIterations = 60;  // per eigenvalue; a few are usual

/// Reduces the matrix to a diagonal and the elements below it (below[i] beside diagonal[i + 1]).
void tridiagonalize(std::vector<double>& a, size_t n, std::vector<double>& diagonal, std::vector<double>& below) {
  std::vector<double> v(n), p(n);
  for (size_t k = 0; k + 2 < n; ++k) {
    double largest = 0, square = 0;
    for (size_t i = k + 1; i < n; ++i) largest = std::max(largest, std::abs(a[i * n + k]));
    if (largest == 0) continue;
    for (size_t i = k + 1; i < n; ++i) {
      v[i] = a[i * n + k] / largest;
      square += v[i] * v[i];
    }
    const double norm = std::copysign(std::sqrt(square), v[k + 1]);
    v[k + 1] += norm;
    const double beta = 1 / (norm * v[k + 1]);  // 2 / vᵀv
    double along = 0;
    for (size_t i = k + 1; i < n; ++i) {
      double product = 0;
      for (size_t j = k + 1; j < n; ++j) product += a[i * n + j] * v[j];
      p[i] = beta * product;
      along += p[i] * v[i];
    }
    for (size_t i = k + 1; i < n; ++i) p[i] -= beta / 2 * along * v[i];
    for (size_t i = k + 1; i < n; ++i)
      for (size_t j = k + 1; j < n; ++j) a[i * n + j] -= v[i] * p[j] + p[i] * v[j];
    a[(k + 1) * n + k] = -norm * largest;
  }
  for (size_t i = 0; i < n; ++i) diagonal[i] = a[i * n + i];
  for (size_t i = 0; i + 1 < n; ++i) below[i] = a[(i + 1) * n + i];
}

/// √(a² + b²) without overflow. Not std::hypot, which would bind binaries to the C library of 2022 (glibc 2.35).
double length(double a, double b) {
  const double larger = std::max(std::abs(a), std::abs(b)), smaller = std::min(std::abs(a), std::abs(b));
  if (larger == 0 || std::isinf(larger)) return larger;
  const double ratio = smaller / larger;
  return larger * std::sqrt(1 + ratio * ratio);
}

/// One implicit QL sweep on rows low … high of the tridiagonal matrix, with Wilkinson's shift.
void sweep(std::vector<double>& d, std::vector<double>& e, size_t low, size_t high) {
  double g = (d[low + 1] - d[low]) / (2 * e[low]);
  double r = length(g, 1);
  g = d[high] - d[low] + e[low] / (g + std::copysign(r, g));
  double sine = 1, cosine = 1, p = 0;
  for (size_t i = high; i-- > low;) {
    const double f = sine * e[i], b = cosine * e[i];
    r = length(f, g);
    e[i + 1] = r;
    if (r == 0) {  // underflow: the matrix splits here
      d[i + 1] -= p;
      e[high] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    g = d[i + 1] - p;
    r = (d[i] - g) * sine + 2 * cosine * b;
    p = sine * r;
    d[i + 1] = g + p;
    g = cosine * r - b;
  }
  d[low] -= p;
  e[low] = g;
  e[high] = 0;
}

}  // namespace

std::vector<double> symmetricEigenvalues(std::vector<double> matrix, size_t n) {
  std::vector<double> d(n, std::numeric_limits<double>::quiet_NaN()), e(n, 0.0);
  if (!std::all_of(matrix.begin(), matrix.end(), [](double x) { return std::isfinite(x); })) return d;
  tridiagonalize(matrix, n, d, e);
  for (size_t low = 0; low < n; ++low) {
    for (int iteration = 0; iteration < kMaxIterations; ++iteration) {
      size_t high = low;
      for (; high + 1 < n; ++high) {
        const double size = std::abs(d[high]) + std::abs(d[high + 1]);
        if (std::abs(e[high]) <= std::numeric_limits<double>::epsilon() * size) break;
      }
      if (high == low) break;
      sweep(d, e, low, high);
    }
  }
  std::sort(d.begin(), d.end());
  return d;
}

double logAbsDeterminant(std::vector<double> a, size_t n) {
  double total = 0;
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t i = k + 1; i < n; ++i)
      if (std::abs(a[i * n + k]) > std::abs(a[pivot * n + k])) pivot = i;
    if (pivot != k) std::swap_ranges(&a[pivot * n], &a[pivot * n] + n, &a[k * n]);
    total += std::log(std::abs(a[k * n + k]));
    if (a[k * n + k] == 0) return total;
    for (size_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] / a[k * n + k];
      for (size_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return total;
}

std::vector<double> rowCorrelations(const std::vector<double>& matrix, size_t rows, size_t columns) {
  std::vector<double> unit(matrix.size()), result(rows * rows);
  for (size_t i = 0; i < rows; ++i) {
    const double* row = &matrix[i * columns];
    double mean = 0, square = 0;
    for (size_t k = 0; k < columns; ++k) mean += row[k];
    mean /= static_cast<double>(columns);
    for (size_t k = 0; k < columns; ++k) square += (row[k] - mean) * (row[k] - mean);
    // 0 / 0 where the row is constant.
    for (size_t k = 0; k < columns; ++k) unit[i * columns + k] = (row[k] - mean) / std::sqrt(square);
  }
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double product = 0;
      for (size_t k = 0; k < columns; ++k) product += unit[i * columns + k] * unit[j * columns + k];
      result[i * rows + j] = result[j * rows + i] = std::clamp(product, -1.0, 1.0);
    }
  }
  return result;
}

}  // namespace eznas
