// Philox and Box–Muller, a counter per thread. Compiled without contraction into fused multiply-adds.
#include "kernels/cuda/random.h"

#include "kernels/cuda/indexing.h"
#include "kernels/cuda/launch.h"
#include "kernels/random.h"

namespace eznas::cuda {
namespace {

constexpr int kThreads = kNormalTile / 4;

__global__ void __launch_bounds__(kThreads) normal(uint64_t seed, const NormalItem* items, int count) {
  const auto tile = static_cast<int64_t>(blockIdx.x);
  const NormalItem item = itemOfTile(items, count, tile);
  const int64_t group = (tile - item.firstTile) * kThreads + threadIdx.x, first = 4 * group;
  if (first >= item.count) return;
  const random::Normals4 n =
      item.scale == 0 ? random::Normals4{0, 0, 0, 0}
                      : random::normals(random::draw(seed, item.network, item.tensor, static_cast<uint32_t>(group)));
  const float z[4] = {n.z0, n.z1, n.z2, n.z3};
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    if (first + e >= item.count) break;
    const float scaled = random::multiply(item.scale, z[e]);
    item.out[first + e] = item.base != nullptr ? random::add(item.base[first + e], scaled) : scaled;
  }
}

}  // namespace

void launchNormal(uint64_t seed, const NormalItem* items, int count, int64_t tiles, cudaStream_t stream) {
  launch(&normal, dim3(static_cast<unsigned>(tiles)), dim3(kThreads), 0, stream, seed, items, count);
}

}  // namespace eznas::cuda
