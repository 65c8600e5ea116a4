#include "kernels/cuda/rank_correlation.h"

#include "kernels/cuda/intrinsics.h"
#include "kernels/cuda/launch.h"

namespace eznas::cuda {
namespace {

constexpr uint32_t kThreads = 256, kWarps = kThreads / 32;

/// A block per program compares every network with every other: a tile of them stands in shared memory, a thread looks
/// after one of its own. All sums are of whole numbers, so that their order does not matter.
__global__ void __launch_bounds__(kThreads)
    comparePairs(const double* scores, uint64_t columns, const int32_t* ranks, uint32_t count, RankSums* sums) {
  __shared__ double tile[kThreads];
  __shared__ int32_t tileRanks[kThreads];
  __shared__ long long parts[kWarps][5];
  const double* const row = scores + blockIdx.x * columns;
  long long all[5] = {};
  for (uint32_t begin = 0; begin < count; begin += kThreads) {
    const uint32_t own = begin + threadIdx.x;
    const bool there = own < count;
    const double x = there ? row[own] : 0;
    const int32_t rank = there ? ranks[own] : 0;
    int less = 0, equal = 0, difference = 0;
    for (uint32_t other = 0; other < count; other += kThreads) {
      __syncthreads();
      if (other + threadIdx.x < count) {
        tile[threadIdx.x] = row[other + threadIdx.x];
        tileRanks[threadIdx.x] = ranks[other + threadIdx.x];
      }
      __syncthreads();
      const uint32_t here = min(count - other, kThreads);
#pragma unroll 4
      for (uint32_t j = 0; j < here; ++j) {
        const int above = x > tile[j] ? 1 : 0, same = x == tile[j] ? 1 : 0;
        const int order = 2 * above + same - 1;  // −1, 0 or 1
        less += above;
        equal += same;
        difference += rank > tileRanks[j] ? order : rank < tileRanks[j] ? -order : 0;
      }
    }
    if (!there) continue;
    // Twice the rank of x, the mean over those equal to it, from the middle.
    const long long middle = count + 1, centred = 2ll * less + equal + 1 - middle;
    all[0] += difference;
    all[1] += equal - 1;
    all[2] += centred * (rank - middle);
    all[3] += centred * centred;
    all[4] += x != x ? 1 : 0;
  }
  __syncthreads();
  for (int i = 0; i < 5; ++i) {
    const long long part = warpSum(all[i]);
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32][i] = part;
  }
  __syncthreads();
  if (threadIdx.x > 0) return;
  long long totals[5] = {};
  for (uint32_t w = 0; w < kWarps; ++w)
    for (int i = 0; i < 5; ++i) totals[i] += parts[w][i];
  sums[blockIdx.x] = {totals[0], totals[1], totals[2], totals[3], totals[4]};
}

}  // namespace

void rankSums(const double* scores, uint64_t columns, const int32_t* ranks, uint32_t count, uint32_t programs,
              RankSums* sums, cudaStream_t stream) {
  launch(comparePairs, dim3(programs), dim3(kThreads), 0, stream, scores, columns, ranks, count, sums);
}

}  // namespace eznas::cuda
