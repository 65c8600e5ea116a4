#pragma once
// Eigenvalues of the Gram matrix of a tensor's rows by one block, in float64, with the meaning of
// kernels/cpu/program_eigen.cpp and program_spectrum.cpp: G = A·Aᵀ (program_gram.cuh), Householder's reduction to
// tridiagonal form, and multisection with Sturm counts, a point per lane.
#include <cuda_runtime.h>

#include "kernels/cuda/program_block.cuh"
#include "kernels/cuda/program_gram.cuh"
#include "kernels/cuda/program_values.cuh"
#include "kernels/eigenvalue_search.h"

namespace eznas::cuda {

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
EZNAS_DEVICE_PART tridiagonalize() {
  const GramMatrix m = gramMatrix(blockState());
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

/// Leaves the matrix with bounds of its spectrum in the state of the block; v receives the squares.
EZNAS_DEVICE_PART boundSpectrum() {
  BlockState& block = blockState();
  const GramMatrix m = gramMatrix(block);
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
  largestSquare = warpLargest(largestSquare);
  if (threadIdx.x == 0) block.spectrum = eigen::tridiagonal(m.diagonal(), m.v(), n, low, high, largestSquare);
  __syncthreads();
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

/// Eigenvalue number `index` in ascending order from 0, 0 within the rounding errors of what came before, as are those
/// below; by a whole warp.
__device__ __forceinline__ double eigenvalue(uint32_t index) {
  const eigen::Tridiagonal& t = blockState().spectrum;
  eigen::Bracket interval{-t.zero, t.high};
  for (int pass = 0; pass < eigen::kMaxPasses && !interval.done; ++pass) {
    const bool enough = countBelow(t, interval.point(static_cast<int>(laneOfWarp()), 32)) > index;
    const uint32_t votes = __ballot_sync(kFullMask, enough);
    const int last = 31 - __clz(static_cast<int>(~votes)), next = __ffs(static_cast<int>(votes)) - 1;
    interval.narrow(last < 0 ? interval.low : interval.point(last, 32),
                    next < 0 ? interval.high : interval.point(next, 32), t.zero);
  }
  return interval.value(t.zero);
}

/// Largest over smallest eigenvalue, one found by each of two warps; NaN for a matrix of zeros.
EZNAS_DEVICE_PART writeRatio() {
  BlockState& block = blockState();
  const GramMatrix matrix = gramMatrix(block);
  double* const sums = block.sums;
  const uint32_t warp = warpOfBlock();
  if (warp < 2) {
    const double value = eigenvalue(warp == 0 ? 0 : matrix.n - 1);
    if (laneOfWarp() == 0) sums[warp] = value;
  }
  __syncthreads();
  if (threadIdx.x > 0) return;
  *addressOf(block, currentMatrix(block).out) = block.gram.trace == 0 ? notANumber()
                                                : sums[0] == 0        ? infinity()
                                                                      : static_cast<float>(sums[1] / sums[0]);
}

/// All eigenvalues, into p; 0 for those that are only what rounding left.
EZNAS_DEVICE_PART findEigenvalues() {
#pragma unroll 1
  for (uint32_t i = warpOfBlock(); i < blockState().gram.rows; i += kBlockWarps) {
    const double value = eigenvalue(i);
    const BlockState& block = blockState();
    const double least = block.gram.rows * 0x1p-50 * block.gram.trace;
    if (laneOfWarp() == 0) gramMatrix(block).p()[i] = value <= least ? 0 : value;
  }
  __syncthreads();
}

/// −Σ p·ln p of the shares p of the eigenvalues in their sum.
EZNAS_DEVICE_PART writeEntropy() {
  BlockState& block = blockState();
  const GramMatrix matrix = gramMatrix(block);
  const uint32_t n = matrix.n;
  double sum = 0, entropy = 0;
  for (uint32_t i = laneOfWarp(); i < n; i += 32) sum += matrix.p()[i];
  sum = warpSum(sum);
  for (uint32_t i = threadIdx.x; i < n; i += kBlockThreads) {
    const double share = matrix.p()[i] / sum;
    entropy -= share > 0 ? share * log(share) : 0;
  }
  entropy = blockSum(entropy, block.sums);
  if (threadIdx.x == 0) *addressOf(block, currentMatrix(block).out) = static_cast<float>(entropy < 0 ? 0 : entropy);
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

/// The ratio where there are more rows than columns: Inf, or NaN where all is 0 or something is not finite.
__device__ __forceinline__ void ratioOfDeficient(const float* x, size_t count, float* out) {
  bool finite = true, nonzero = false;
#pragma unroll 4
  for (size_t i = threadIdx.x; i < count; i += kBlockThreads) {
    finite &= x[i] * 0.0f == 0.0f;
    nonzero |= x[i] != 0.0f;
  }
  const bool all = __syncthreads_and(finite ? 1 : 0) != 0, any = __syncthreads_or(nonzero ? 1 : 0) != 0;
  if (threadIdx.x == 0) *out = all && any ? infinity() : notANumber();
}

/// Largest over smallest eigenvalue of A·Aᵀ, A the operand as rows × columns; none is negative, so that of their
/// magnitudes too.
__device__ __forceinline__ void runGramRatio(const BlockState& block) {
  const MatrixCode& step = currentMatrix(block);
  const uint32_t rows = step.sizes[0], columns = step.sizes[1];
  if (rows == 1) return ratioOfRow(addressOf(block, step.a), columns, addressOf(block, step.out));
  if (rows > columns)
    return ratioOfDeficient(addressOf(block, step.a), size_t{rows} * columns, addressOf(block, step.out));
  fillGram(addressOf(block, step.a), columns, gramMatrix(block).g, rows);
  findTrace();
  if (block.gram.trace < 1e300) {
    tridiagonalize();
    boundSpectrum();
    writeRatio();
  } else if (threadIdx.x == 0) {
    *addressOf(block, currentMatrix(block).out) = notANumber();
  }
}

/// Entropy or effective number of the eigenvalues of A·Aᵀ; 0 where all of A is 0, NaN where something is not finite.
__device__ __forceinline__ void runSpectrum(const BlockState& block) {
  const MatrixCode& step = currentMatrix(block);
  fillGram(addressOf(block, step.a), step.sizes[1], gramMatrix(block).g, step.sizes[0]);
  findTrace();
  const bool entropy = currentMatrix(block).op == MatrixOpcode::spectralEntropy;
  if (!(block.gram.trace > 0 && block.gram.trace < 1e300)) {
    if (threadIdx.x == 0) *addressOf(block, currentMatrix(block).out) = block.gram.trace == 0 ? 0 : notANumber();
  } else if (!entropy) {
    writeParticipation();
  } else if (currentMatrix(block).sizes[0] == 1) {
    if (threadIdx.x == 0) *addressOf(block, currentMatrix(block).out) = 0;
  } else {
    tridiagonalize();
    boundSpectrum();
    findEigenvalues();
    writeEntropy();
  }
}

}  // namespace eznas::cuda
