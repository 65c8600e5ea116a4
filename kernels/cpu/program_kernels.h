#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/operators.h"

namespace eznas {

/// Elements that one pass of the interpreter over a chain of elementwise operators handles: a tile of every value in
/// flight stays in the first-level cache.
inline constexpr size_t kTile = 1024;

/// Running float64 sums of one reduction; start from zero. Lanes in use depend on the SIMD level, total() does not.
struct alignas(64) ReductionSums {
  double first[8] = {}, second[8] = {};
  double shift = 0;  // what moments subtracts from each element

  /// Always inlined, as all of this header's functions: no copy compiled for a wide level may serve the others.
  [[gnu::always_inline]] static double total(const double (&lanes)[8]) {
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  }
};

/// How a compact operand spreads over a larger result: sizes of the result, innermost last, with adjacent dimensions
/// merged where they behave alike, and the operand's stride along each (0: the operand is repeated).
struct Broadcast {
  size_t sizes[4] = {1, 1, 1, 1};
  size_t strides[4] = {0, 0, 0, 0};
};

/// C[i][j] (m × n) = A[i][j] (m × k) · B[i][j] (k × n) over up to two batch dimensions; strides in floats, 0 where the
/// operand is repeated. C is dense.
struct MatmulShape {
  size_t m = 1, k = 1, n = 1;
  size_t batch[2] = {1, 1};
  size_t strideA[2] = {0, 0}, strideB[2] = {0, 0};
};

/// Rows of two operands; a stride of 0 repeats the operand's only row or element.
struct RowPairs {
  size_t rows = 0, length = 0;
  size_t rowStrideA = 0, rowStrideB = 0;
  size_t strideA = 0, strideB = 0;
};

/// Largest matrix that det and logdet factorise, and most rows of a Gram matrix whose eigenvalues are taken.
inline constexpr size_t kMaxDeterminantSize = 1024, kMaxGramRows = 2048;

/// The CPU kernels of programs at one SIMD level. Single-threaded, deterministic, allocate nothing, read and write
/// nothing past n elements, keep NaN, Inf and denormals as IEEE does. Reductions over a tensor are called tile by tile.
struct ProgramKernels {
  using Unary = void (*)(float* y, const float* x, size_t n);
  using Binary = void (*)(float* y, const float* a, const float* b, size_t n);
  /// `vectors` reads n elements of both; the other two read one element of b, or of a.
  struct BinaryRow {
    Binary vectors, scalarRight, scalarLeft;
  };
  using Reduce = void (*)(ReductionSums& sums, const float* x, size_t n);
  using ReducePair = void (*)(ReductionSums& sums, const float* a, const float* b, size_t n);
  struct PairRow {
    ReducePair vectors, scalarRight, scalarLeft;
  };

  // ---- elementwise: program_elementwise.cpp; y may be x, a or b; nullptr where the operator is none of these
  // ---------
  Unary unary[kOperatorCount];
  BinaryRow binary[kOperatorCount];
  /// (x − mean) / std, 0 where that is NaN.
  void (*normalize)(float* y, const float* x, float mean, float std, size_t n);
  /// Elements [begin, begin + n) of x spread by b.
  void (*spread)(float* y, const float* x, const Broadcast& b, size_t begin, size_t n);

  // ---- reductions: program_reduce.cpp
  // --------------------------------------------------------------------------------
  Reduce sum, sumMagnitudes, sumSquares;  // into first
  Reduce moments;                         // first: Σ (x − shift), second: Σ (x − shift)²
  PairRow hamming, divergence;            // into first: places where [a > 0] ≠ [b > 0]; Σ b·ln b − b·a
  /// Σ over rows of a·b / (max(‖a‖, eps) · max(‖b‖, eps)), eps 1e-8.
  double (*cosine)(const float* a, const float* b, const RowPairs& shape);

  // ---- matrices
  // ------------------------------------------------------------------------------------------------------
  /// float32 products accumulated in order of k (program_matmul.cpp).
  void (*matmul)(const float* a, const float* b, float* c, const MatmulShape& shape);
  /// y[i] = det, or ln det (NaN → 0), of each of count n × n slices of x (program_determinant.cpp). Scratch of
  /// determinantScratch(n) floats, 64-byte aligned.
  void (*determinants)(const float* x, size_t n, size_t count, bool logarithm, float* y, float* scratch);
  /// Largest over smallest eigenvalue of A·Aᵀ, A = x as rows × columns; none is negative, so that of magnitudes too
  /// (program_eigen.cpp). Scratch of gramScratch(rows) floats, 64-byte aligned.
  float (*gramRatio)(const float* x, size_t rows, size_t columns, float* scratch);
  /// y = A·Aᵀ, rows × rows, for A = x as rows × columns; centered: of A less its rows' means, divided by columns
  /// (program_gram.cpp). Scratch of gramScratch(rows) floats and, if centered, rows · columns more; 64-byte aligned.
  void (*gram)(const float* x, size_t rows, size_t columns, bool centered, float* y, float* scratch);
  /// y[j][i] = x[i][j] for first × second blocks of `inner` elements (program_gram.cpp).
  void (*swapLeading)(const float* x, size_t first, size_t second, size_t inner, float* y);
  /// y[i] = ln |det (slice + kDiagonalShift · I)| / n of each of count n × n slices of x; NaN where an element is not
  /// finite (program_spectrum.cpp). Scratch of gramScratch(n) floats, 64-byte aligned.
  void (*logAbsDeterminants)(const float* x, size_t n, size_t count, float* y, float* scratch);
  /// Of the shares p of the eigenvalues of A·Aᵀ in their sum: −Σ p·ln p, and 1 / Σ p² (program_spectrum.cpp); 0 where
  /// all of A is 0, NaN where something is not finite. Scratch of gramScratch(rows) floats, 64-byte aligned.
  float (*spectralEntropy)(const float* x, size_t rows, size_t columns, float* scratch);
  float (*participationRatio)(const float* x, size_t rows, size_t columns, float* scratch);
  /// std (unbiased), min, max (NaN where an element is NaN) or count_nonzero of n elements (program_summary.cpp).
  float (*summary)(const ProgramKernels& table, Operator op, const float* x, size_t n);
  /// Softmax over the middle of outer × axis × inner (program_softmax.cpp). Scratch of kSoftmaxScratch floats,
  /// 64-byte aligned.
  void (*softmax)(const float* x, float* y, size_t outer, size_t axis, size_t inner, float* scratch);
};

/// n rounded up to whole cache lines of float64.
[[gnu::always_inline]] constexpr size_t paddedDoubles(size_t n) { return (n + 7) / 8 * 8; }

/// Matrices that determinants() factorises together: those that fit the first-level cache, at most 8.
[[gnu::always_inline]] constexpr size_t determinantBatch(size_t n) {
  const size_t fitting = 4096 / (n * paddedDoubles(n));
  return fitting < 1 ? 1 : fitting > 8 ? 8 : fitting;
}
/// Doubles from one of them to the next: not a multiple of 4 KB, so that the same places of two differ in the cache.
[[gnu::always_inline]] constexpr size_t determinantStride(size_t n) { return (n + 1) * paddedDoubles(n); }

/// Scratch of the kernels above, in floats.
[[gnu::always_inline]] constexpr size_t determinantScratch(size_t n) {
  const size_t batch = determinantBatch(n);
  return 2 * (8 * n + (batch > 2 ? batch : 2) * determinantStride(n));
}
[[gnu::always_inline]] constexpr size_t gramScratch(size_t rows) { return 2 * (rows + 6) * paddedDoubles(rows); }
inline constexpr size_t kSoftmaxAxis = 1024;  // longer axes work without scratch
inline constexpr size_t kSoftmaxScratch = kSoftmaxAxis * 16;

}  // namespace eznas
