// Determinants of batches of small matrices: LU with partial pivoting in float64.
//
// A memory row of the slice takes LAPACK's column's part (det Aᵀ = det A): the pivot of step k is the largest free
// element of row k, found along contiguous memory, and is not moved. Its column leaves the free set instead, so that
// row k / pivot, masked to free columns, is subtracted from the rows below. Several slices go through each step
// together: the search for a pivot is a chain of latencies that the other slices' searches fill.
//
// A singular matrix must give 0 exactly, not the sign of a rounding error: ln det maps negative values to 0, positive
// ones near zero to a large negative number. So a pivot that is small against its row is compared with the magnitudes
// that were subtracted to give it, and counts as 0 when it is no larger than their rounding errors.
#include <cmath>

#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {
namespace {

constexpr size_t kTogether = determinantBatch(4);  // the most slices in one batch
constexpr int64_t kIndexBits = 0xfff;  // a row's position in the low bits of a magnitude: ties go to the first
constexpr double kEpsilon = 0x1p-52;

/// det = mantissa · 2^exponent.
struct Product {
  double mantissa = 1;
  int64_t exponent = 0;

  void multiply(double factor) {
    mantissa *= factor;
    int64_t bits;
    std::memcpy(&bits, &mantissa, sizeof bits);
    const int64_t field = bits >> 52 & 0x7ff;
    if (field == 0 || field == 0x7ff) return;  // zero, denormal, Inf, NaN
    exponent += field - 1023;
    bits = (bits & ~(int64_t{0x7ff} << 52)) | int64_t{1023} << 52;
    std::memcpy(&mantissa, &bits, sizeof bits);
  }
};

float determinant(const Product& d) {
  const int64_t exponent = d.exponent > 4000 ? 4000 : d.exponent < -4000 ? -4000 : d.exponent;
  return static_cast<float>(std::ldexp(d.mantissa, static_cast<int>(exponent)));
}

/// ln det; 0 where det is negative or NaN, −Inf where it is 0.
float logDeterminant(const Product& d) {
  if (d.mantissa == 0) return -kInfinity;
  if (!(d.mantissa > 0)) return 0.0f;
  return static_cast<float>(std::log(d.mantissa) + static_cast<double>(d.exponent) * 0.69314718055994530942);
}

Product ofOne(const float* x) {
  Product d;
  d.multiply(x[0]);
  return d;
}

/// Products of float32 pairs are exact in float64.
Product ofTwo(const float* x) {
  Product d;
  d.multiply(static_cast<double>(x[0]) * x[3] - static_cast<double>(x[1]) * x[2]);
  return d;
}

Product ofThree(const float* x) {
  const double a = x[0], b = x[1], c = x[2], d = x[3], e = x[4], f = x[5], g = x[6], h = x[7], i = x[8];
  const double first = a * (e * i - f * h), second = b * (d * i - f * g), third = c * (d * h - e * g);
  const double det = first - second + third;
  const double terms = std::fabs(a) * (std::fabs(e * i) + std::fabs(f * h)) +
                       std::fabs(b) * (std::fabs(d * i) + std::fabs(f * g)) +
                       std::fabs(c) * (std::fabs(d * h) + std::fabs(e * g));
  Product result;
  result.multiply(std::fabs(det) <= 4 * kEpsilon * terms && terms < static_cast<double>(kInfinity) ? 0.0 : det);
  return result;
}

template <int half>
[[gnu::always_inline]] inline RegLong exchanged(RegLong v) {
#if defined(__AVX512F__)
  return __builtin_shuffle(v, RegLong{0 ^ half, 1 ^ half, 2 ^ half, 3 ^ half, 4 ^ half, 5 ^ half, 6 ^ half, 7 ^ half});
#elif defined(__AVX2__)
  return __builtin_shuffle(v, RegLong{0 ^ half, 1 ^ half, 2 ^ half, 3 ^ half});
#else
  return __builtin_shuffle(v, RegLong{0 ^ half, 1 ^ half});
#endif
}

[[gnu::always_inline]] inline RegLong larger(RegLong a, RegLong b) { return a > b ? a : b; }

[[gnu::always_inline]] inline int64_t largest(RegLong v) {
#if defined(__AVX512F__)
  v = larger(v, exchanged<4>(v));
#endif
#if defined(__AVX2__)
  v = larger(v, exchanged<2>(v));
#endif
  v = larger(v, exchanged<1>(v));
  return v[0];
}

/// The batch in scratch: per slice its rows (float64, padded to whole registers) and the mask of free columns.
struct Batch {
  double* rows;
  int64_t* free;
  size_t n, width;  // width: n in whole registers
  double* row(size_t slice, size_t i) const { return rows + (slice * n + i) * width; }
  int64_t* freeColumns(size_t slice) const { return free + slice * width; }
};

/// Whether row k's free elements, which came out small, are only the rounding errors of what made them. Rows above hold
/// the multipliers of their steps (row / pivot, masked), row k its factors in the pivots' columns.
bool onlyRounding(const Batch& batch, size_t slice, size_t k, const int* pivots, const float* original) {
  const double* row = batch.row(slice, k);
  for (size_t c = 0; c < batch.n; ++c) {
    if (batch.freeColumns(slice)[c] == 0) continue;
    double bound = std::fabs(static_cast<double>(original[k * batch.n + c]));
    for (size_t j = 0; j < k; ++j) bound += std::fabs(batch.row(slice, j)[c] * row[pivots[j]]);
    if (!(std::fabs(row[c]) <= static_cast<double>(batch.n) * 4 * kEpsilon * bound)) return false;
  }
  return true;
}

/// Puts the slices into the batch, all columns free.
void fill(const float* x, size_t count, const Batch& batch) {
  const size_t n = batch.n;
  for (size_t s = 0; s < count; ++s) {
    for (size_t i = 0; i < n; ++i, x += n) {
      double* row = batch.row(s, i);
      for (size_t c = 0; c < n; ++c) row[c] = x[c];
      for (size_t c = n; c < batch.width; ++c) row[c] = 0;
    }
    for (size_t c = 0; c < batch.width; ++c) batch.freeColumns(s)[c] = c < n ? -1 : 0;
  }
}

/// Position of row k's largest free element; `suspect` tells whether it is small against the whole row.
template <size_t registers>
[[gnu::always_inline]] inline size_t findPivot(const Batch& batch, size_t slice, size_t k, bool& suspect) {
  const size_t perRow = registers > 0 ? registers : batch.width / kDoubles;
  const double* row = batch.row(slice, k);
  const int64_t* free = batch.freeColumns(slice);
  RegLong position;
  for (int l = 0; l < kDoubles; ++l) position[l] = kIndexBits - l;
  RegLong best = RegLong{} - 1, all{};
  for (size_t r = 0; r < perRow; ++r) {
    const RegLong magnitudes = loadAs<RegLong>(row + r * kDoubles) & (0x7fffffffffffffff & ~kIndexBits);
    const RegLong mask = loadAs<RegLong>(free + r * kDoubles);
    // Columns that are not free become −1 and lose to every free one.
    best = larger(best, (magnitudes | (position - static_cast<int64_t>(r * kDoubles))) | ~mask);
    all = larger(all, magnitudes);
  }
  const int64_t packed = largest(best);
  // 2^-30 lower: 30 steps of the exponent field.
  suspect = packed <= largest(all) - (int64_t{30} << 52);
  return static_cast<size_t>(kIndexBits - (packed & kIndexBits));
}

/// Subtracts row k's multiples from the rows below it, after turning row k into row / pivot on the columns left free.
template <size_t registers>
[[gnu::always_inline]] inline void eliminate(const Batch& batch, size_t slice, size_t k, size_t p) {
  const size_t perRow = registers > 0 ? registers : batch.width / kDoubles;
  double* row = batch.row(slice, k);
  const double inverse = 1 / row[p];
  const int64_t* free = batch.freeColumns(slice);
  RegDouble multipliers[registers > 0 ? registers : 1];
  for (size_t r = 0; r < perRow; ++r) {
    const RegDouble m =
        (RegDouble)((RegLong)(loadAs<RegDouble>(row + r * kDoubles) * inverse) & loadAs<RegLong>(free + r * kDoubles));
    if constexpr (registers > 0) multipliers[r] = m;
    storeReg(row + r * kDoubles, m);
  }
  for (size_t j = k + 1; j < batch.n; ++j) {
    double* below = batch.row(slice, j);
    const double factor = below[p];
    for (size_t r = 0; r < perRow; ++r) {
      const RegDouble m = registers > 0 ? multipliers[registers > 0 ? r : 0] : loadAs<RegDouble>(row + r * kDoubles);
      storeReg(below + r * kDoubles, loadAs<RegDouble>(below + r * kDoubles) - m * factor);
    }
  }
}

/// Whether the permutation, which is sorted in place, is odd.
bool isOdd(int* permutation, size_t n) {
  bool odd = false;
  for (size_t i = 0; i < n; ++i)
    while (permutation[i] != static_cast<int>(i)) {
      const int j = permutation[i];
      permutation[i] = permutation[j];
      permutation[j] = j;
      odd = !odd;
    }
  return odd;
}

/// Determinants of `count` slices in float64. registers: the batch's width in registers where it is known at compile
/// time, or 0.
template <size_t registers>
void factorize(const float* x, size_t count, const Batch& batch, int* pivots, Product* results) {
  const size_t n = batch.n;
  bool singular[kTogether] = {};
  for (size_t s = 0; s < count; ++s) results[s] = {};
  fill(x, count, batch);
  for (size_t k = 0; k < n; ++k) {
    for (size_t s = 0; s < count; ++s) {
      bool suspect = false;
      const size_t p = findPivot<registers>(batch, s, k, suspect);
      const double pivot = batch.row(s, k)[p];
      pivots[s * n + k] = static_cast<int>(p);
      results[s].multiply(pivot);
      if (pivot == 0 || (suspect && onlyRounding(batch, s, k, pivots + s * n, x + s * n * n))) singular[s] = true;
      batch.freeColumns(s)[p] = 0;
    }
    for (size_t s = 0; s < count; ++s) eliminate<registers>(batch, s, k, pivots[s * n + k]);
  }
  for (size_t s = 0; s < count; ++s) {
    if (isOdd(pivots + s * n, n)) results[s].mantissa = -results[s].mantissa;
    if (singular[s]) results[s] = {.mantissa = 0, .exponent = 0};
  }
}

using Factorize = void (*)(const float* x, size_t count, const Batch& batch, int* pivots, Product* results);

Factorize factorizeFor(size_t registers) {
  switch (registers) {
    case 1:
      return factorize<1>;
    case 2:
      return factorize<2>;
    case 4:
      return factorize<4>;
    default:
      return factorize<0>;
  }
}

void put(const Product* results, size_t count, bool logarithm, float* y) {
  for (size_t i = 0; i < count; ++i) y[i] = logarithm ? logDeterminant(results[i]) : determinant(results[i]);
}

}  // namespace

void determinants(const float* x, size_t n, size_t count, bool logarithm, float* y, float* scratch) {
  if (n <= 3) {
    const auto small = n == 1 ? ofOne : n == 2 ? ofTwo : ofThree;
    for (size_t i = 0; i < count; ++i) {
      const Product d = small(x + i * n * n);
      put(&d, 1, logarithm, y + i);
    }
    return;
  }
  const size_t batchSize = determinantBatch(n), width = (n + kDoubles - 1) / kDoubles * kDoubles;
  double* rows = reinterpret_cast<double*>(scratch);
  const Batch batch{rows, reinterpret_cast<int64_t*>(rows + batchSize * n * width), n, width};
  int* pivots = reinterpret_cast<int*>(batch.free + batchSize * width);
  const Factorize run = factorizeFor(width / kDoubles);
  Product results[kTogether];
  for (size_t i = 0; i < count; i += batchSize) {
    const size_t now = count - i < batchSize ? count - i : batchSize;
    run(x + i * n * n, now, batch, pivots, results);
    put(results, now, logarithm, y + i);
  }
}

}  // namespace eznas::EZNAS_ISA::programs
