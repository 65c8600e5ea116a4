#pragma once
// Determinants of batches of small matrices by one block: LU with partial pivoting in float64, by the method of
// kernels/cpu/program_determinant.cpp. A memory row takes LAPACK's column's part; pivots stay where they are; a slice
// with a pivot that is small against its largest element is factorised again with the magnitudes that were subtracted,
// so that a singular matrix gives 0 exactly; a matrix of more than one element with a non-finite one has no
// determinant. The logarithm of a shifted matrix's magnitude (kernels/cpu/program_spectrum.cpp) takes the same way,
// without the test of singularity.
//
// Up to 32 columns: a lane per column, several slices side by side in a warp, every warp for itself. A lane writes to
// its own column alone and stops where the column has become a pivot's, so that the multipliers, which stand in the
// pivot's column, are there for all lanes until the step ends.
#include <cuda_runtime.h>

#include "kernels/cuda/program_block.cuh"
#include "kernels/cuda/program_values.cuh"
#include "kernels/operators.h"

namespace eznas::cuda {

inline constexpr double kSuspect = 0x1p-30, kCancelled = 0x1p-40;
inline constexpr long long kIndexBits = 0xfff;  // a column's position in the low bits of a magnitude

/// A product of float64 numbers that neither overflows nor underflows.
struct Product {
  double mantissa = 1;
  int exponent = 0;

  __device__ __forceinline__ void multiply(double factor) {
    mantissa *= factor;
    const long long bits = __double_as_longlong(mantissa);
    const int field = static_cast<int>(bits >> 52 & 0x7ff);
    if (field == 0 || field == 0x7ff) return;
    exponent += field - 1023;
    mantissa = __longlong_as_double((bits & ~(0x7ffll << 52)) | 1023ll << 52);
  }

  /// ln of the magnitude.
  __device__ __forceinline__ double logMagnitude() const {
    return mantissa == 0 ? -static_cast<double>(infinity()) : log(fabs(mantissa)) + exponent * 0.69314718055994530942;
  }

  /// The determinant or its logarithm: 0 for negative ones and NaN, −Inf for 0.
  __device__ __forceinline__ float result(bool logarithm) const {
    if (!logarithm) {
      const int e = exponent < -1000 ? -1000 : exponent > 1000 ? 1000 : exponent;
      return static_cast<float>(mantissa * __longlong_as_double(static_cast<long long>(e + 1023) << 52));
    }
    if (mantissa == 0) return -infinity();
    return mantissa > 0 ? static_cast<float>(logMagnitude()) : 0;
  }
};

/// What is asked of a slice, from n rows' product of pivots; `none` is the result for one with a non-finite element.
struct DeterminantResult {
  MatrixOpcode op;

  __device__ __forceinline__ bool shifted() const { return op == MatrixOpcode::logMagnitude; }
  __device__ __forceinline__ float none() const { return op == MatrixOpcode::logDeterminant ? 0.0f : notANumber(); }
  __device__ __forceinline__ float of(const Product& product, uint32_t n) const {
    if (shifted()) return static_cast<float>(product.logMagnitude() / n);
    return product.result(op == MatrixOpcode::logDeterminant);
  }
};

/// The value, or 0 where it is only what rounding left of what was subtracted.
__device__ __forceinline__ double cleaned(double value, double subtracted) {
  return fabs(value) <= kCancelled * subtracted ? 0 : value;
}

/// A number to find the largest magnitude and its column by; ties go to the first column.
__device__ __forceinline__ long long pivotKey(double value, uint32_t column) {
  return (__double_as_longlong(fabs(value)) & ~kIndexBits) | (kIndexBits - column);
}
__device__ __forceinline__ uint32_t columnOfKey(long long key) {
  return static_cast<uint32_t>(kIndexBits - (key & kIndexBits));
}
/// The largest number among each `lanes` neighbouring lanes.
__device__ __forceinline__ long long largestOf(long long key, uint32_t lanes) {
  for (uint32_t distance = lanes / 2; distance > 0; distance /= 2) {
    const long long other = __shfl_xor_sync(kFullMask, key, distance);
    key = other > key ? other : key;
  }
  return key;
}
__device__ __forceinline__ double largestOf(double value, uint32_t lanes) {
  for (uint32_t distance = lanes / 2; distance > 0; distance /= 2) {
    const double other = __shfl_xor_sync(kFullMask, value, distance);
    value = other > value ? other : value;
  }
  return value;
}

// ---- up to three columns --------------------------------------------------------------------------------------------

/// Products of float32 pairs are exact in float64.
__device__ __forceinline__ double determinantOfTwo(const float* x) {
  return static_cast<double>(x[0]) * x[3] - static_cast<double>(x[1]) * x[2];
}

__device__ __forceinline__ double determinantOfThree(const float* x) {
  const double a = x[0], b = x[1], c = x[2], d = x[3], e = x[4], f = x[5], g = x[6], h = x[7], i = x[8];
  const double det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const double terms = fabs(a) * (fabs(e * i) + fabs(f * h)) + fabs(b) * (fabs(d * i) + fabs(f * g)) +
                       fabs(c) * (fabs(d * h) + fabs(e * g));
  return fabs(det) <= 4 * 0x1p-52 * terms && terms < static_cast<double>(infinity()) ? 0.0 : det;
}

__device__ __forceinline__ float logOfSingle(float x) { return x == 0.0f ? -infinity() : x > 0.0f ? lnOf(x) : 0.0f; }

EZNAS_DEVICE_PART closedForms(const float* x, uint32_t n, uint32_t count, bool logarithm, float* y) {
  for (uint32_t slice = threadIdx.x; slice < count; slice += kBlockThreads) {
    const float* const from = x + static_cast<size_t>(slice) * n * n;
    if (n == 1) {
      y[slice] = logarithm ? logOfSingle(*from) : *from;
      continue;
    }
    float finite = 0;  // 0 · x is 0 for a finite x and NaN otherwise
    for (uint32_t i = 0; i < n * n; ++i) finite += from[i] * 0.0f;
    Product product;
    product.multiply(n == 2 ? determinantOfTwo(from) : determinantOfThree(from));
    y[slice] = finite == 0.0f ? product.result(logarithm) : logarithm ? 0.0f : notANumber();
  }
}

// ---- up to 32 columns -----------------------------------------------------------------------------------------------

/// A slice of a warp: rows of `lanes` float64, and this lane's column.
struct LaneSlice {
  double* rows;
  double* subtracted;  // magnitudes, used by isSingular
  uint32_t n, lanes, column;

  __device__ __forceinline__ double& at(uint32_t row, uint32_t c) const { return rows[row * lanes + c]; }
  __device__ __forceinline__ uint32_t laneOf(uint32_t c) const { return laneOfWarp() - column + c; }

  /// Whether the slice is singular but for rounding errors.
  __device__ __forceinline__ bool isSingular(const float* x, bool active) const {
    for (uint32_t r = 0; r < n; ++r) {
      at(r, column) = active && column < n ? x[r * n + column] : 0;
      subtracted[r * lanes + column] = 0;
    }
    bool open = column < n, singular = false;
    __syncwarp();
    for (uint32_t k = 0; k < n; ++k) {
      const double own = open ? cleaned(at(k, column), subtracted[k * lanes + column]) : 0;
      const uint32_t p = columnOfKey(largestOf(open ? pivotKey(own, column) : 0, lanes));
      const double pivot = __shfl_sync(kFullMask, own, laneOf(p));
      singular |= pivot == 0;
      open &= column != p;
      const double multiplier = own * (1 / pivot);
#pragma unroll 2
      for (uint32_t j = k + 1; j < n; ++j) {
        const double factor = cleaned(at(j, p), subtracted[j * lanes + p]);
        if (!open) continue;
        at(j, column) -= multiplier * factor;
        subtracted[j * lanes + column] += fabs(multiplier * factor);
      }
      __syncwarp();
    }
    return singular;
  }

  /// Determinant of the slice x by this and the other lanes of its group. Lanes of groups that are not active go along.
  __device__ __forceinline__ float determinant(const float* x, bool active, DeterminantResult result) const {
    double largest = 0;
    bool finite = true;
    for (uint32_t r = 0; r < n; ++r) {
      const float value = active && column < n ? x[r * n + column] : 0;
      finite &= value * 0.0f == 0.0f;
      largest = fmax(largest, fabs(static_cast<double>(value)));
      at(r, column) = result.shifted() && r == column ? value + kDiagonalShift : static_cast<double>(value);
    }
    // Infinity stands for every element that is not finite.
    largest = largestOf(finite ? largest : static_cast<double>(infinity()), lanes);
    const bool whole = largest < static_cast<double>(infinity());
    __syncwarp();

    Product product;
    uint32_t openColumns = 0xffffffffu >> (32 - n);
    bool open = column < n, odd = false, suspect = false, zero = false;
    for (uint32_t k = 0; k < n; ++k) {
      const double own = open ? at(k, column) : 0;
      const uint32_t p = columnOfKey(largestOf(open ? pivotKey(own, column) : 0, lanes)) & 31;
      const double pivot = __shfl_sync(kFullMask, own, laneOf(p));
      // Open columns before p are the transpositions that would bring it to place k.
      odd ^= (__popc(openColumns & ((1u << p) - 1)) & 1) != 0;
      openColumns &= ~(1u << p);
      suspect |= fabs(pivot) <= kSuspect * largest;
      zero |= pivot == 0;
      product.multiply(pivot);
      open &= column != p;
      const double multiplier = own * (1 / pivot);
#pragma unroll 4
      for (uint32_t j = k + 1; j < n; ++j) {
        const double factor = at(j, p);
        if (open) at(j, column) -= multiplier * factor;
      }
      __syncwarp();
    }
    suspect &= whole && !zero && !result.shifted();
    if (__any_sync(kFullMask, suspect)) zero |= isSingular(x, active) && suspect;
    if (!whole) return result.none();
    if (odd) product.mantissa = -product.mantissa;
    if (zero) product.mantissa = 0;
    return result.of(product, n);
  }
};

EZNAS_DEVICE_PART laneDeterminants(const float* x, uint32_t n, uint32_t count, DeterminantResult asked, float* y,
                                   double* magnitudes) {
  const uint32_t workFloats = blockState().workFloats;
  const uint32_t lanes = determinantLanes(n), groups = 32 / lanes, warps = determinantWarps(n, workFloats);
  if (warpOfBlock() >= warps) return;
  const uint32_t group = laneOfWarp() / lanes, place = (warpOfBlock() * groups + group) * determinantSlice(n);
  const LaneSlice slice{workDoubles() + place, magnitudes + place, n, lanes, laneOfWarp() % lanes};
  for (uint32_t first = warpOfBlock() * groups; first < count; first += warps * groups) {
    const uint32_t number = first + group;
    const float result = slice.determinant(x + static_cast<size_t>(number) * n * n, number < count, asked);
    if (number < count && slice.column == 0) y[number] = result;
  }
}

// ---- more columns: a block per slice --------------------------------------------------------------------------------

/// A slice of the whole block. Lane l of every warp looks after columns l, l + 32, … and has bit i of `open` set as
/// long as column l + 32·i is no pivot's.
struct BlockSlice {
  double* rows;
  double* subtracted;
  uint32_t n;

  __device__ __forceinline__ uint32_t allColumns() const {
    const uint32_t lane = laneOfWarp(), own = n <= lane ? 0 : (n - lane + 31) / 32;
    return own == 0 ? 0 : 0xffffffffu >> (32 - own);
  }
  template <class F>
  __device__ __forceinline__ void forOpen(uint32_t open, F f) const {
    for (; open != 0; open &= open - 1) f(laneOfWarp() + 32 * (__ffs(static_cast<int>(open)) - 1));
  }
  /// Takes column p out of those open.
  __device__ __forceinline__ void close(uint32_t& open, uint32_t p) const {
    if (p % 32 == laneOfWarp()) open &= ~(1u << p / 32);
  }
  template <class F>
  __device__ __forceinline__ uint32_t findPivot(uint32_t open, F element) const {
    long long key = 0;
    forOpen(open, [&](uint32_t c) {
      const long long other = pivotKey(element(c), c);
      key = other > key ? other : key;
    });
    return columnOfKey(largestOf(key, 32));
  }

  __device__ __forceinline__ bool isSingular(const float* x) const {
    for (uint32_t i = threadIdx.x; i < n * n; i += kBlockThreads) {
      rows[i] = x[i];
      subtracted[i] = 0;
    }
    __syncthreads();
    uint32_t open = allColumns();
    for (uint32_t k = 0; k < n; ++k) {
      const auto element = [&](uint32_t c) { return cleaned(rows[k * n + c], subtracted[k * n + c]); };
      const uint32_t p = findPivot(open, element);
      const double pivot = element(p);
      if (pivot == 0) return true;
      const double inverse = 1 / pivot;
      close(open, p);
      for (uint32_t j = k + 1 + warpOfBlock(); j < n; j += kBlockWarps) {
        const double factor = cleaned(rows[j * n + p], subtracted[j * n + p]);
        forOpen(open, [&](uint32_t c) {
          const double product = element(c) * inverse * factor;
          rows[j * n + c] -= product;
          subtracted[j * n + c] += fabs(product);
        });
      }
      __syncthreads();
    }
    return false;
  }

  /// `largest` is that of every warp's lanes together, Inf where an element is not finite.
  __device__ __forceinline__ float determinant(const float* x, double largest, DeterminantResult result) const {
    Product product;
    uint32_t open = allColumns();
    bool odd = false, suspect = false, zero = false;
    for (uint32_t k = 0; k < n && !zero; ++k) {
      const uint32_t p = findPivot(open, [&](uint32_t c) { return rows[k * n + c]; });
      const double pivot = rows[k * n + p];
      const uint32_t lane = laneOfWarp(), before = p <= lane ? 0 : (p - lane + 31) / 32;
      const uint32_t earlier = before == 0 ? 0 : open & (0xffffffffu >> (32 - before));
      odd ^= (__popc(__ballot_sync(kFullMask, __popc(earlier) & 1)) & 1) != 0;
      suspect |= fabs(pivot) <= kSuspect * largest;
      zero = pivot == 0;
      product.multiply(pivot);
      close(open, p);
      const double inverse = 1 / pivot;
      for (uint32_t j = k + 1 + warpOfBlock(); j < n; j += kBlockWarps) {
        const double factor = rows[j * n + p];
        forOpen(open, [&](uint32_t c) { rows[j * n + c] -= rows[k * n + c] * inverse * factor; });
      }
      __syncthreads();
    }
    if (suspect && !zero && !result.shifted()) zero = isSingular(x);
    if (odd) product.mantissa = -product.mantissa;
    if (zero) product.mantissa = 0;
    return result.of(product, n);
  }
};

EZNAS_DEVICE_PART blockDeterminants(const float* x, uint32_t n, uint32_t count, DeterminantResult asked, float* y,
                                    double* scratch) {
  double* const sums = blockState().sums;
  const bool inShared = determinantInShared(n, blockState().workFloats);
  const BlockSlice slice{inShared ? workDoubles() : scratch + n * n, scratch, n};
  for (uint32_t s = 0; s < count; ++s, x += n * n) {
    double largest = 0;
    bool finite = true;
    for (uint32_t i = threadIdx.x; i < n * n; i += kBlockThreads) {
      const float value = x[i];
      finite &= value * 0.0f == 0.0f;
      largest = fmax(largest, fabs(static_cast<double>(value)));
      slice.rows[i] = asked.shifted() && i % (n + 1) == 0 ? value + kDiagonalShift : static_cast<double>(value);
    }
    largest = largestOf(largest, 32);
    if (laneOfWarp() == 0) sums[warpOfBlock()] = largest;
    const bool whole = __syncthreads_and(finite) != 0;
    for (uint32_t w = 0; w < kBlockWarps; ++w) largest = fmax(largest, sums[w]);
    const float result = whole ? slice.determinant(x, largest, asked) : asked.none();
    if (threadIdx.x == 0) y[s] = result;
    __syncthreads();
  }
}

/// det, ln det or ln |det| per row of each slice of the operand.
__device__ __forceinline__ void runDeterminants(const BlockState& block, const MatrixCode& step) {
  const uint32_t n = step.sizes[0], count = step.sizes[1];
  const DeterminantResult asked{step.op};
  const float* const x = addressOf(block, step.a);
  float* const y = addressOf(block, step.out);
  if (n <= 3 && !asked.shifted()) return closedForms(x, n, count, step.op == MatrixOpcode::logDeterminant, y);
  if (n <= 32) return laneDeterminants(x, n, count, asked, y, scratchOf(block, step));
  blockDeterminants(x, n, count, asked, y, scratchOf(block, step));
}

}  // namespace eznas::cuda
