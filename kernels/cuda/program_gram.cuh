#pragma once
// Gram matrices of a tensor's rows by one block, in float64: G = A·Aᵀ from panels in shared memory, and what needs no
// more than G (kernels/cpu/program_gram.cpp, program_spectrum.cpp).
#include <cuda_runtime.h>

#include "kernels/cuda/program_block.cuh"
#include "kernels/cuda/program_values.cuh"

namespace eznas::cuda {

/// A matrix of n × n float64, and behind it the vectors of its reduction to tridiagonal form.
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
    block.gram = {x, g, 0, rows, length, 0, 0, logColumns};
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

// ---- what needs no more --------------------------------------------------------------------------------------------

/// Where the matrix of the step at hand stands.
__device__ __forceinline__ GramMatrix gramMatrix(const BlockState& block) {
  const MatrixCode& step = currentMatrix(block);
  const uint32_t rows = step.sizes[0];
  const bool inShared = gramInShared(rows, block.workFloats);
  return {inShared ? workDoubles() + kGramSums + kGramPanelDoubles : scratchOf(block, step), rows};
}

/// Sum over the block, in all threads, by way of `sums`; the order of additions is fixed.
__device__ __forceinline__ double blockSum(double value, double* sums) {
  value = warpSum(value);
  if (laneOfWarp() == 0) sums[warpOfBlock()] = value;
  __syncthreads();
  value = 0;
  for (uint32_t w = 0; w < kBlockWarps; ++w) value += sums[w];
  __syncthreads();
  return value;
}

/// Finds the sum of the diagonal, NaN where an element of A is, and keeps it in the state of the block.
__device__ __forceinline__ void findTrace() {
  BlockState& block = blockState();
  const GramMatrix matrix = gramMatrix(block);
  double trace = 0;
  for (uint32_t i = threadIdx.x; i < matrix.n; i += kBlockThreads) trace += matrix.row(i)[i];
  trace = blockSum(trace, block.sums);
  if (threadIdx.x == 0) block.gram.trace = trace;
  __syncthreads();
}

/// 1 / Σ p² of the shares p of the eigenvalues in their sum: by the squares of G's elements.
EZNAS_DEVICE_PART writeParticipation() {
  BlockState& block = blockState();
  const GramMatrix matrix = gramMatrix(block);
  const uint32_t count = matrix.n * matrix.n;
  double squares = 0;
  for (uint32_t i = threadIdx.x; i < count; i += kBlockThreads) {
    const double share = matrix.g[i] / block.gram.trace;
    squares += share * share;
  }
  squares = blockSum(squares, block.sums);
  if (threadIdx.x == 0) *addressOf(block, currentMatrix(block).out) = static_cast<float>(1 / squares);
}

/// Rows less their means, a warp each; exact zeros where all elements are equal, since they are measured from the
/// first.
EZNAS_DEVICE_PART centerRows(const float* x, uint32_t rows, uint32_t columns, float* y) {
  for (uint32_t row = warpOfBlock(); row < rows; row += kBlockWarps) {
    const float* const from = x + static_cast<size_t>(row) * columns;
    float* const to = y + static_cast<size_t>(row) * columns;
    const double first = from[0];
    double sum = 0;
    for (uint32_t i = laneOfWarp(); i < columns; i += 32) sum += static_cast<double>(from[i]) - first;
    const double mean = warpSum(sum) / columns;
    for (uint32_t i = laneOfWarp(); i < columns; i += 32)
      to[i] = static_cast<float>(static_cast<double>(from[i]) - first - mean);
  }
  __syncthreads();
}

/// A·Aᵀ, or that of A less its rows' means over the number of columns, as float32.
__device__ __forceinline__ void runGram(const BlockState& block) {
  const MatrixCode& step = currentMatrix(block);
  const uint32_t rows = step.sizes[0], columns = step.sizes[1];
  const float* x = addressOf(block, step.a);
  const bool centered = step.op == MatrixOpcode::covariance;
  if (centered) {
    float* const deviations = addressOf(block, step.work) + gramScratchFloats(rows, block.workFloats);
    centerRows(x, rows, columns, deviations);
    x = deviations;
  }
  fillGram(x, columns, gramMatrix(block).g, rows);
  const double* const g = gramMatrix(block).g;
  const double divisor = centered ? columns : 1;
  float* const y = addressOf(block, currentMatrix(block).out);
  for (uint32_t i = threadIdx.x; i < rows * rows; i += kBlockThreads) y[i] = static_cast<float>(g[i] / divisor);
}

}  // namespace eznas::cuda
