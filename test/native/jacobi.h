#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace eznas::check {

/// Eigenvalues of a symmetric matrix of n rows, by cyclic Jacobi rotations, in no order.
inline std::vector<double> symmetricEigenvalues(std::vector<double> g, size_t n) {
  for (int pass = 0; pass < 60; ++pass)
    for (size_t p = 0; p < n; ++p)
      for (size_t q = p + 1; q < n; ++q) {
        const double off = g[p * n + q];
        if (off == 0) continue;
        const double theta = (g[q * n + q] - g[p * n + p]) / (2 * off);
        const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        for (size_t k = 0; k < n; ++k) {
          const double a = g[k * n + p], b = g[k * n + q];
          g[k * n + p] = c * a - s * b;
          g[k * n + q] = s * a + c * b;
        }
        for (size_t k = 0; k < n; ++k) {
          const double a = g[p * n + k], b = g[q * n + k];
          g[p * n + k] = c * a - s * b;
          g[q * n + k] = s * a + c * b;
        }
      }
  std::vector<double> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = g[i * n + i];
  return values;
}

}  // namespace eznas::check
