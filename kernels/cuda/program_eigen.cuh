#pragma once
// Extreme eigenvalues of the Gram matrix of a tensor's rows by one block, in float64, by the method of
// kernels/cpu/program_eigen.cpp: G = A·Aᵀ from panels in shared memory, Householder's reduction to tridiagonal form,
// and multisection with Sturm counts, a point per lane.
#include <cuda_runtime.h>

#include "kernels/cuda/program_block.cuh"
#include "kernels/cuda/program_values.cuh"
#include "kernels/eigenvalue_search.h"

namespace eznas::cuda {

/// A matrix of n × n float64, and behind it the vectors of its reduction.
struct GramMatrix {
  double* g;
  uint32_t n;

  __device__ __forceinline__ double* row(uint32_t i) const { return g + static_cast<size_t>(i) * n; }
  __device__ __forceinline__ double* diagonal() const { return row(n); }
  __device__ __forceinline__ double* off() const { return row(n + 1); }
  __device__ __forceinline__ double* v() const { return row(n + 2); }
  __device__ __forceinline__ double* p() const { return row(n + 3); }
};

// ---- the matrix -----------------------------------------------------------------------------------------------------

/// Stages rows from row `first` on and as many of their columns from `begin` on as fill the panel, as float64; zeros
/// beyond the matrix.
__device__ __forceinline__ void stagePanel(const BlockState& block, uint32_t first, uint32_t begin, double* panel) {
#pragma unroll 1
  for (uint32_t i = threadIdx.x; i < kGramPanel; i += kBlockThreads) {
    const uint32_t row = i >> block.gram.logColumns, column = begin + i - (row << block.gram.logColumns);
    const bool inside = first + row < block.gram.rows && column < block.gram.length;
    panel[i + row] = inside ? block.gram.x[static_cast<size_t>(first + row) * block.gram.length + column] : 0;
  }
}

/// A thread's share of a block of G: it multiplies rows i, i + side, … with rows j, j + side, …, side a quarter of the
/// block's rows (i ≥ j where both sets of rows are one); where such pairs are few, `parts` threads share the columns.
struct GramShare {
  uint32_t i, j, side, part, parts;
  bool busy;

  __device__ __forceinline__ explicit GramShare(const BlockState& block) {
    const bool diagonal = block.gram.firstA == block.gram.firstB;
    side = kGramPanel / 4 >> block.gram.logColumns;
    const uint32_t pairs = diagonal ? side * (side + 1) / 2 : side * side;
    parts = 1;
    while (2 * parts * pairs <= kBlockThreads) parts *= 2;
    const uint32_t pair = threadIdx.x / parts;
    part = threadIdx.x % parts;
    i = diagonal ? 0 : pair / side;
    j = diagonal ? pair : pair % side;
    while (diagonal && j > i) j -= ++i;
    busy = pair < pairs;
  }
  __device__ __forceinline__ void put(const BlockState& block, uint32_t u, uint32_t v, double value) const {
    const uint32_t n = block.gram.rows;
    const uint32_t row = block.gram.firstA + i + side * u, column = block.gram.firstB + j + side * v;
    if (row >= n || column >= n) return;
    block.gram.g[static_cast<size_t>(row) * n + column] = value;
    block.gram.g[static_cast<size_t>(column) * n + row] = value;
  }
};

/// Adds up the parts' products and writes them; by the whole block.
__device__ __forceinline__ void writeProducts(const BlockState& block, const double (&products)[4][4]) {
  double* const sums = workDoubles();
  const GramShare share(block);
  const uint32_t inWarp = min(share.parts, 32u);
#pragma unroll
  for (uint32_t u = 0; u < 4; ++u)
#pragma unroll
    for (uint32_t v = 0; v < 4; ++v) {
      double value = products[u][v];
      for (uint32_t distance = inWarp / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(kFullMask, value, distance);
      if (share.parts > 32 && laneOfWarp() == 0) sums[warpOfBlock() * 16 + u * 4 + v] = value;
      if (share.parts <= 32 && share.busy && share.part == 0) share.put(block, u, v, value);
    }
  __syncthreads();
  if (share.parts <= 32 || !share.busy || share.part >= 16) return;
  double value = 0;
  for (uint32_t w = 0; w < share.parts / 32; ++w) value += sums[(threadIdx.x / 32 + w) * 16 + share.part];
  share.put(block, share.part / 4, share.part % 4, value);
}

/// Products of 1024 / 2^logColumns rows (4 to 64) from firstA on with as many from firstB on.
EZNAS_DEVICE_PART gramBlock() {
  const BlockState& block = blockState();
  double* const panels = workDoubles() + kGramSums;
  double products[4][4] = {};
  const GramShare share(block);
  const uint32_t columns = 1u << block.gram.logColumns, stride = columns + 1;
  const bool diagonal = block.gram.firstA == block.gram.firstB;
  const double* const left = panels + share.i * stride;
  const double* const right = (diagonal ? panels : panels + kGramPanelDoubles) + share.j * stride;
  const uint32_t step = share.side * stride;
  for (uint32_t begin = 0; begin < block.gram.length; begin += columns) {
    stagePanel(block, block.gram.firstA, begin, panels);
    if (!diagonal) stagePanel(block, block.gram.firstB, begin, panels + kGramPanelDoubles);
    __syncthreads();
#pragma unroll 1
    for (uint32_t c = share.busy ? share.part : columns; c < columns; c += share.parts) {
      double a[4];
#pragma unroll
      for (uint32_t u = 0; u < 4; ++u) a[u] = left[step * u + c];
#pragma unroll
      for (uint32_t v = 0; v < 4; ++v) {
        const double b = right[step * v + c];
#pragma unroll
        for (uint32_t u = 0; u < 4; ++u) products[u][v] += a[u] * b;
      }
    }
    __syncthreads();
  }
  writeProducts(block, products);
  __syncthreads();
}

/// Fills a matrix of `rows` rows with A·Aᵀ, block by block.
__device__ __forceinline__ void fillGram(const float* x, uint32_t length, double* g, uint32_t rows) {
  BlockState& block = blockState();
  if (threadIdx.x == 0) {
    uint32_t logColumns = 8;
    for (uint32_t staged = 4; staged < kGramRows && staged < rows; staged *= 2) --logColumns;
    block.gram = {x, g, rows, length, 0, 0, logColumns};
  }
  __syncthreads();
  do {
    gramBlock();
    if (threadIdx.x == 0) {
      const bool last = block.gram.firstB == block.gram.firstA;
      block.gram.firstA += last ? kGramPanel >> block.gram.logColumns : 0;
      block.gram.firstB = last ? 0 : block.gram.firstB + (kGramPanel >> block.gram.logColumns);
    }
    __syncthreads();
  } while (block.gram.firstA < block.gram.rows);
}

// ---- tridiagonal form -----------------------------------------------------------------------------------------------

__device__ __forceinline__ double warpLargest(double value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    const double other = __shfl_xor_sync(kFullMask, value, distance);
    value = other > value ? other : value;
  }
  return value;
}

/// One reflection: row and column k become zero beyond the off-diagonal. Every warp finds the reflection for itself.
__device__ __forceinline__ void reflect(const GramMatrix& m, uint32_t k) {
  const uint32_t n = m.n, lane = laneOfWarp();
  const double* const row = m.row(k);
  if (threadIdx.x == 0) m.diagonal()[k] = row[k];
  double largest = 0;
  for (uint32_t i = k + 1 + lane; i < n; i += 32) largest = fmax(largest, fabs(row[i]));
  largest = warpLargest(largest);
  if (largest == 0) {
    if (threadIdx.x == 0) m.off()[k] = 0;
    return;
  }
  // v = x ± ‖x‖·e₁ with x = row[k + 1 …] scaled against overflow; the sign avoids cancellation.
  double square = 0;
  for (uint32_t i = k + 1 + lane; i < n; i += 32) square += row[i] / largest * (row[i] / largest);
  square = warpSum(square);
  const double norm = sqrt(square), lead = row[k + 1] / largest, first = lead > 0 ? lead + norm : lead - norm;
  const double beta = 2 / (square - lead * lead + first * first);
  if (threadIdx.x == 0) m.off()[k] = (lead > 0 ? -norm : norm) * largest;
  for (uint32_t i = k + 1 + threadIdx.x; i < n; i += kBlockThreads) m.v()[i] = i == k + 1 ? first : row[i] / largest;
  __syncthreads();

  // G ← G − v·wᵀ − w·vᵀ with p = beta·G·v, w = p − (beta / 2 · p·v)·v, on the rows and columns past k.
  for (uint32_t i = k + 1 + warpOfBlock(); i < n; i += kBlockWarps) {
    double sum = 0;
    for (uint32_t j = k + 1 + lane; j < n; j += 32) sum += m.row(i)[j] * m.v()[j];
    sum = warpSum(sum);
    if (lane == 0) m.p()[i] = beta * sum;
  }
  __syncthreads();
  double along = 0;
  for (uint32_t i = k + 1 + lane; i < n; i += 32) along += m.p()[i] * m.v()[i];
  const double half = beta / 2 * warpSum(along);
  for (uint32_t i = k + 1 + warpOfBlock(); i < n; i += kBlockWarps) {
    const double vi = m.v()[i], wi = m.p()[i] - half * vi;
    double* const to = m.row(i);
    for (uint32_t j = k + 1 + lane; j < n; j += 32) to[j] -= vi * (m.p()[j] - half * m.v()[j]) + wi * m.v()[j];
  }
  __syncthreads();
}

/// Diagonal and off-diagonal of the tridiagonal form of g, which is overwritten; n ≥ 2.
EZNAS_DEVICE_PART tridiagonalize(GramMatrix m) {
  const uint32_t n = m.n;
  for (uint32_t k = 0; k + 2 < n; ++k) reflect(m, k);
  if (threadIdx.x == 0) {
    const double* const end = m.row(n - 2) + n - 2;
    m.diagonal()[n - 2] = end[0];
    m.off()[n - 2] = end[1];
    m.diagonal()[n - 1] = end[n + 1];
  }
  __syncthreads();
}

// ---- eigenvalues ----------------------------------------------------------------------------------------------------

/// The matrix with bounds of its spectrum, in all threads; v receives the squares.
__device__ __forceinline__ eigen::Tridiagonal boundedTridiagonal(const GramMatrix& m, bool& isZero) {
  const uint32_t n = m.n;
  for (uint32_t i = threadIdx.x; i < n; i += kBlockThreads) m.v()[i] = i + 1 < n ? m.off()[i] * m.off()[i] : 0;
  double low = static_cast<double>(infinity()), high = -low, largestSquare = 0;
  for (uint32_t i = laneOfWarp(); i < n; i += 32) {
    const double before = i > 0 ? fabs(m.off()[i - 1]) : 0, after = i + 1 < n ? fabs(m.off()[i]) : 0;
    const double reach = before + after;
    low = fmin(low, m.diagonal()[i] - reach);
    high = fmax(high, m.diagonal()[i] + reach);
    largestSquare = fmax(largestSquare, after * after);
  }
  low = -warpLargest(-low);
  high = warpLargest(high);
  isZero = low == 0 && high == 0;
  __syncthreads();
  return eigen::tridiagonal(m.diagonal(), m.v(), n, low, high, warpLargest(largestSquare));
}

/// Eigenvalues below x.
__device__ __forceinline__ uint32_t countBelow(const eigen::Tridiagonal& t, double x) {
  const auto n = static_cast<uint32_t>(t.n);
  double q = 1, square = 0;
  uint32_t count = 0;
#pragma unroll 1
  for (uint32_t i = 0; i < n; ++i) {
    q = eigen::nextPivot(q, x, t.diagonal[i], square, t.tiny);
    count += q < 0 ? 1 : 0;
    square = t.squares[i];
  }
  return count;
}

/// Eigenvalue number `index` in ascending order from 0; by a whole warp.
__device__ __forceinline__ double eigenvalue(const eigen::Tridiagonal& t, uint32_t index) {
  eigen::Bracket interval{t.low, t.high};
  for (int pass = 0; pass < eigen::kMaxPasses && !interval.done; ++pass) {
    const bool enough = countBelow(t, interval.point(static_cast<int>(laneOfWarp()), 32)) > index;
    const uint32_t votes = __ballot_sync(kFullMask, enough);
    const int last = 31 - __clz(static_cast<int>(~votes)), next = __ffs(static_cast<int>(votes)) - 1;
    interval.narrow(last < 0 ? interval.low : interval.point(last, 32),
                    next < 0 ? interval.high : interval.point(next, 32), t.zero);
  }
  return interval.value(t.zero);
}

/// Eigenvalues number a and b, one found by each of two warps.
struct EigenvaluePair {
  double a, b;
};
__device__ __forceinline__ EigenvaluePair eigenvalues(const eigen::Tridiagonal& t, uint32_t a, uint32_t b,
                                                      double* sums) {
  const uint32_t warp = warpOfBlock();
  if (warp < 2) {
    const double value = eigenvalue(t, warp == 0 ? a : b);
    if (laneOfWarp() == 0) sums[warp] = value;
  }
  __syncthreads();
  const EigenvaluePair pair{sums[0], sums[1]};
  __syncthreads();
  return pair;
}

/// Largest over smallest eigenvalue, or magnitude of one: the smallest stands next to zero on either side. NaN for a
/// matrix of zeros.
EZNAS_DEVICE_PART writeRatio(GramMatrix matrix, bool magnitude, float* out) {
  double* const sums = blockState().sums;
  const uint32_t n = matrix.n;
  bool isZero;
  const eigen::Tridiagonal t = boundedTridiagonal(matrix, isZero);
  float ratio = notANumber();
  if (!isZero) {
    EigenvaluePair pair = eigenvalues(t, 0, n - 1, sums);
    if (magnitude) {
      const double largest = fmax(fabs(pair.a), fabs(pair.b));
      const uint32_t negative = countBelow(t, 0);
      pair = eigenvalues(t, negative > 0 ? negative - 1 : 0, negative < n ? negative : n - 1, sums);
      pair = {fmin(fabs(pair.a), fabs(pair.b)), largest};
    }
    ratio = pair.a == 0 ? infinity() : static_cast<float>(pair.b / pair.a);
  }
  if (threadIdx.x == 0) *out = ratio;
}

/// The ratio of a single row: 1, or NaN.
__device__ __forceinline__ void ratioOfRow(const float* x, uint32_t columns, float* out) {
  double* const sums = blockState().sums;
  double square = 0;
#pragma unroll 4
  for (uint32_t i = threadIdx.x; i < columns; i += kBlockThreads) square += static_cast<double>(x[i]) * x[i];
  square = warpSum(square);
  if (laneOfWarp() == 0) sums[warpOfBlock()] = square;
  __syncthreads();
  if (threadIdx.x > 0) return;
  square = 0;
  for (uint32_t w = 0; w < kBlockWarps; ++w) square += sums[w];
  *out = square < 1e300 ? static_cast<float>(square / square) : notANumber();
}

/// Whether the Gram matrix is that of finite numbers, none near overflow; in all threads.
__device__ __forceinline__ bool isFinite(const GramMatrix& matrix) {
  bool finite = true;
  for (uint32_t i = threadIdx.x; i < matrix.n; i += kBlockThreads) finite &= matrix.row(i)[i] < 1e300;
  return __syncthreads_and(finite ? 1 : 0) != 0;
}

/// Where the matrix of the step at hand stands.
__device__ __forceinline__ GramMatrix gramMatrix(const BlockState& block) {
  const MatrixCode& step = currentMatrix(block);
  const uint32_t rows = step.sizes[0];
  const bool inShared = gramInShared(rows, block.workFloats);
  return {inShared ? workDoubles() + kGramSums + kGramPanelDoubles : scratchOf(block, step), rows};
}

/// Largest over smallest eigenvalue of A·Aᵀ, A the operand as rows × columns, or of their magnitudes.
__device__ __forceinline__ void runGramRatio(const BlockState& block) {
  const MatrixCode& step = currentMatrix(block);
  if (step.sizes[0] == 1) return ratioOfRow(addressOf(block, step.a), step.sizes[1], addressOf(block, step.out));
  fillGram(addressOf(block, step.a), step.sizes[1], gramMatrix(block).g, step.sizes[0]);
  if (isFinite(gramMatrix(block))) {
    tridiagonalize(gramMatrix(block));
    const bool magnitude = currentMatrix(block).op == MatrixOpcode::gramMagnitudeRatio;
    writeRatio(gramMatrix(block), magnitude, addressOf(block, currentMatrix(block).out));
  } else if (threadIdx.x == 0) {
    *addressOf(block, currentMatrix(block).out) = notANumber();
  }
}

}  // namespace eznas::cuda
