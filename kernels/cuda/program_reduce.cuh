#pragma once
// Reductions of programs: running float64 sums of every thread, added up by one warp in an order that depends on
// nothing but the number of elements.
#include <cuda_runtime.h>

#include "kernels/cuda/program_block.cuh"
#include "kernels/cuda/program_values.cuh"

namespace eznas::cuda {

/// Number, mean and squared deviations of some elements; merged as by Chan, Golub and LeVeque (Algorithms for computing
/// the sample variance, 1983).
struct Moments {
  double count, mean, squares;
};

__device__ __forceinline__ Moments merged(const Moments& a, const Moments& b) {
  if (b.count == 0) return a;
  if (a.count == 0) return b;
  const double count = a.count + b.count, difference = b.mean - a.mean, share = b.count / count;
  return {count, a.mean + difference * share, a.squares + b.squares + difference * difference * (a.count * share)};
}

/// Elements of a tensor of `count` that thread t holds.
__device__ __forceinline__ uint32_t elementsOfThread(uint32_t count, uint32_t t) {
  const uint32_t whole = count / kTileElements, rest = count - whole * kTileElements, before = t * kThreadElements;
  const uint32_t last = rest <= before ? 0 : min(rest - before, kThreadElements);
  return whole * kThreadElements + last;
}

/// The sum of what every thread with elements has in sums[t]; by a whole warp, in all lanes.
__device__ __forceinline__ double sumOfThreads(const double* sums, uint32_t count) {
  const uint32_t threads = min((count + kThreadElements - 1) / kThreadElements, kBlockThreads);
  double sum = 0;
  for (uint32_t t = laneOfWarp(); t < threads; t += 32) sum += sums[t];
  return warpSum(sum);
}

/// The smaller, or the larger; NaN where one is.
template <bool larger>
__device__ __forceinline__ double extremeOf(double a, double b) {
  if (a != a) return a;
  return b != b || (larger ? b > a : b < a) ? b : a;
}

/// The extreme of what every thread with elements has in extremes[t]; by a whole warp, in all lanes.
template <bool larger>
__device__ __forceinline__ double extremeOfThreads(const double* extremes, uint32_t count) {
  const uint32_t threads = min((count + kThreadElements - 1) / kThreadElements, kBlockThreads);
  double extreme = larger ? -static_cast<double>(infinity()) : static_cast<double>(infinity());
  for (uint32_t t = laneOfWarp(); t < threads; t += 32) extreme = extremeOf<larger>(extreme, extremes[t]);
#pragma unroll 1
  for (int distance = 16; distance > 0; distance /= 2)
    extreme = extremeOf<larger>(extreme, __shfl_xor_sync(kFullMask, extreme, distance));
  return extreme;
}

/// Moments of the whole tensor from every thread's sums of x − shift and (x − shift)² and its shift.
__device__ __forceinline__ Moments momentsOfThreads(const double* sums, uint32_t count) {
  Moments all{0, 0, 0};
  for (uint32_t t = laneOfWarp(); t < kBlockThreads; t += 32) {
    const double n = elementsOfThread(count, t);
    if (n == 0) break;
    const double first = sums[t], second = sums[kBlockThreads + t], shift = sums[2 * kBlockThreads + t];
    const double deviations = second - first * first / n;
    // Rounding may leave a negative number; NaN must stay NaN.
    all = merged(all, {n, shift + first / n, deviations < 0 ? 0 : deviations});
  }
#pragma unroll 1
  for (int distance = 1; distance < 32; distance *= 2) {
    Moments other;
    other.count = __shfl_xor_sync(kFullMask, all.count, distance);
    other.mean = __shfl_xor_sync(kFullMask, all.mean, distance);
    other.squares = __shfl_xor_sync(kFullMask, all.squares, distance);
    all = merged(all, other);
  }
  return all;
}

/// A total as the scalar that a reduction gives.
__device__ __forceinline__ float reducedOf(const ReductionCode& reduction, double total) {
  switch (reduction.kind) {
    case ReductionKind::mean:
    case ReductionKind::l1Norm:
      return static_cast<float>(total / reduction.count);
    case ReductionKind::frobeniusNorm:
      return static_cast<float>(sqrt(total));
    case ReductionKind::divergence:
      return static_cast<float>(total / reduction.divisor);
    default:
      return static_cast<float>(total);
  }
}

/// Completes a reduction over `count` elements; by a whole warp.
__device__ __forceinline__ void finishReduction(const BlockState& block, const ReductionCode& reduction,
                                                uint32_t count) {
  const double* sums = reinterpret_cast<const double*>(addressOf(block, reduction.sums));
  if (reduction.kind == ReductionKind::moments) {
    const Moments all = momentsOfThreads(sums, count);
    if (laneOfWarp() > 0) return;
    float* result = addressOf(block, reduction.result);
    result[0] = static_cast<float>(all.mean);
    result[1] = static_cast<float>(sqrt(all.squares / (reduction.count - 1)));
    return;
  }
  const double total = reduction.kind == ReductionKind::largest    ? extremeOfThreads<true>(sums, count)
                       : reduction.kind == ReductionKind::smallest ? extremeOfThreads<false>(sums, count)
                                                                   : sumOfThreads(sums, count);
  if (laneOfWarp() > 0) return;
  if (reduction.kind == ReductionKind::score)
    block.outcomes[reduction.result] = total / reduction.count;
  else
    *addressOf(block, reduction.result) = reducedOf(reduction, total);
}

}  // namespace eznas::cuda
