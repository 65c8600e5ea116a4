// Single numbers about a whole tensor that are no sums of float64: extremes, the count of non-zeros and the deviation.
#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {
namespace {

/// The largest of sign · x, NaN where an element is NaN.
float largestOf(const float* x, size_t n, float sign) {
  Reg best = splat(-kInfinity);
  RegInt nan{};
  for (size_t i = 0; i < n; i += kWidth) {
    const bool whole = i + kWidth <= n;
    const Reg loaded = (whole ? loadReg(x + i) : loadPartial(x + i, n - i)) * sign;
    const Reg v = whole ? loaded : (firstLanes(n - i) != 0 ? loaded : splat(-kInfinity));
    nan |= v != v;
    best = v > best ? v : best;
  }
  if (any(nan)) return __builtin_nanf("");
  float result = best[0];
  for (int l = 1; l < kWidth; ++l) result = larger(result, best[l]);
  return result;
}

float countNonzero(const float* x, size_t n) {
  int64_t count = 0;
  for (size_t i = 0; i < n; ++i) count += x[i] != 0 ? 1 : 0;
  return static_cast<float>(count);
}

float deviation(const ProgramKernels& table, const float* x, size_t n) {
  ReductionSums sums;
  sums.shift = static_cast<double>(x[0]);
  for (size_t i = 0; i < n; i += kTile) table.moments(sums, x + i, smaller(kTile, n - i));
  const double total = ReductionSums::total(sums.first), count = static_cast<double>(n);
  const double squares = ReductionSums::total(sums.second) - total * total / count;
  return static_cast<float>(__builtin_sqrt((squares < 0 ? 0 : squares) / (count - 1)));
}

}  // namespace

float summary(const ProgramKernels& table, Operator op, const float* x, size_t n) {
  switch (op) {
    case Operator::max:
      return largestOf(x, n, 1);
    case Operator::min:
      return -largestOf(x, n, -1);
    case Operator::count_nonzero:
      return countNonzero(x, n);
    default:
      return deviation(table, x, n);
  }
}

}  // namespace eznas::EZNAS_ISA::programs
