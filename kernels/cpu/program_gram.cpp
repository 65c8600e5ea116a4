// Gram and covariance matrices of a tensor's rows, and the exchange of its two leading dimensions.
#include "kernels/cpu/gram_product.h"
#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {
namespace {

/// y = x less its mean; exact zeros where all elements are equal, since they are measured from the first.
void center(const float* x, size_t n, float* y) {
  const RegDouble first = spread(static_cast<double>(x[0]));
  RegDouble low{}, high{};
  for (size_t i = 0; i < n; i += kWidth) {
    const bool whole = i + kWidth <= n;
    const Reg v = whole ? loadReg(x + i) : loadPartial(x + i, n - i);
    const Reg w = whole ? v : (firstLanes(n - i) != 0 ? v : splat(x[0]));
    low += lowerDoubles(w) - first;
    high += upperDoubles(w) - first;
  }
  const double mean = lanesTotal(low + high) / static_cast<double>(n);
  for (size_t i = 0; i < n; ++i)
    y[i] = static_cast<float>(static_cast<double>(x[i]) - static_cast<double>(x[0]) - mean);
}

}  // namespace

void gram(const float* x, size_t rows, size_t columns, bool centered, float* y, float* scratch) {
  const size_t padded = paddedDoubles(rows);
  double* const g = reinterpret_cast<double*>(scratch);
  if (centered) {
    float* const deviations = scratch + gramScratch(rows);
    for (size_t i = 0; i < rows; ++i) center(x + i * columns, columns, deviations + i * columns);
    x = deviations;
  }
  gramProduct(x, rows, columns, g, padded);
  const double divisor = centered ? static_cast<double>(columns) : 1;
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < rows; ++j) y[i * rows + j] = static_cast<float>(g[i * padded + j] / divisor);
}

void swapLeading(const float* x, size_t first, size_t second, size_t inner, float* y) {
  for (size_t j = 0; j < second; ++j)
    for (size_t i = 0; i < first; ++i, y += inner) std::memcpy(y, x + (i * second + j) * inner, inner * sizeof(float));
}

}  // namespace eznas::EZNAS_ISA::programs
