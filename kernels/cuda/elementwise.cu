// Passes over memory.
#include "kernels/cuda/elementwise.h"

#include "kernels/cuda/indexing.h"
#include "kernels/cuda/intrinsics.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/neighbours.h"

namespace eznas::cuda {
namespace {

constexpr int kThreads = kPassThreads;

/// kWide neighbours are of one channel.
template <int kWide>
__global__ void __launch_bounds__(kThreads, 6) sum(MapShape s, const SumItem* items) {
  const SumItem item = items[blockIdx.y];
  const int64_t at = place<kWide>();
  if (at >= s.elements()) return;
  int channel = quotient(static_cast<int>(at), s.pixelCount);
  channel = takeRest(channel, s.channelCount);
  const auto value = [&](const SumTerm& term) {
    Numbers<kWide> n = load<kWide>(term.x + at);
    if (term.mean != nullptr) {
      const float mean = __ldg(term.mean + channel), inverse = __ldg(term.inverseStd + channel);
#pragma unroll
      for (float& v : n.v) v = __fmul_rn(__fsub_rn(v, mean), inverse);
      if (term.scale != nullptr) {
        const float scale = __ldg(term.scale + channel), shift = __ldg(term.shift + channel);
#pragma unroll
        for (float& v : n.v) v = __fadd_rn(__fmul_rn(v, scale), shift);
      }
    }
    return n;
  };
  Numbers<kWide> total = value(item.terms[0]);
  for (int k = 1; k < item.count; ++k) {
    const Numbers<kWide> n = value(item.terms[k]);
#pragma unroll
    for (int e = 0; e < kWide; ++e) total.v[e] = __fadd_rn(total.v[e], n.v[e]);
  }
  store<kWide>(item.y + at, total);
}

template <int kWide>
__global__ void __launch_bounds__(kThreads) fill(int64_t elements, float value, const FillItem* items) {
  const FillItem item = items[blockIdx.y];
  const int64_t at = place<kWide>();
  if (at >= elements) return;
  Numbers<kWide> n;
#pragma unroll
  for (float& v : n.v) v = value;
  store<kWide>(item.y + at, n);
}

/// kWide neighbours share a gate.
template <int kWide, bool kGate>
__global__ void __launch_bounds__(kThreads) multiply(MapShape s, const ProductItem* items) {
  const ProductItem item = items[blockIdx.y];
  const int64_t at = place<kWide>();
  if (at >= s.elements()) return;
  Numbers<kWide> n = load<kWide>(item.x + at);
  if constexpr (kGate) {
    const float gate = __ldg(item.factor + quotient(static_cast<int>(at), s.pixelCount));
#pragma unroll
    for (float& v : n.v) v *= gate;
  } else {
    const Numbers<kWide> factor = load<kWide>(item.factor + at);
#pragma unroll
    for (int e = 0; e < kWide; ++e) n.v[e] *= factor.v[e];
  }
  store<kWide>(item.y + at, n);
}

/// A warp per image and channel.
__global__ void __launch_bounds__(kThreads) productSums(int planes, int pixels, const ProductItem* items) {
  const ProductItem item = items[blockIdx.y];
  const int plane = static_cast<int>(blockIdx.x * kThreads + threadIdx.x) / 32,
            lane = static_cast<int>(threadIdx.x) % 32;
  if (plane >= planes) return;
  const size_t first = static_cast<size_t>(plane) * static_cast<size_t>(pixels);
  double total = 0;
  for (int i = lane; i < pixels; i += 32)
    total += static_cast<double>(__ldg(item.x + first + i)) * static_cast<double>(__ldg(item.factor + first + i));
  total = warpSum(total);
  if (lane == 0) item.y[plane] = static_cast<float>(total);
}

__global__ void __launch_bounds__(kThreads)
    copyRegion(Region r, Divisor width, Divisor height, Divisor channels, const CopyItem* items) {
  const CopyItem item = items[blockIdx.y];
  int rest = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int x = takeRest(rest, width), y = takeRest(rest, height), c = takeRest(rest, channels);
  if (rest >= r.batch) return;
  item.to[rest * r.toImage + c * r.toChannel + y * r.toRow + x] =
      item.from[rest * r.fromImage + c * r.fromChannel + y * r.fromRow + x];
}

__global__ void __launch_bounds__(kThreads) subtract(const SubtractItem* items, int count) {
  const auto tile = static_cast<int64_t>(blockIdx.x);
  const SubtractItem item = itemOfTile(items, count, tile);
  const int64_t begin = (tile - item.firstTile) * kSubtractTile;
  const int64_t end = begin + kSubtractTile < item.count ? begin + kSubtractTile : item.count;
  const int64_t whole = begin + (end - begin) / 4 * 4;
  for (int64_t at = begin + int64_t{4} * threadIdx.x; at < whole; at += 4 * kThreads) {
    Numbers<4> n = load<4>(item.y + at);
    const Numbers<4> less = load<4>(item.less + at);
#pragma unroll
    for (int e = 0; e < 4; ++e) n.v[e] -= less.v[e];
    store<4>(item.y + at, n);
  }
  const int64_t at = whole + threadIdx.x;
  if (at < end) item.y[at] -= item.less[at];
}

}  // namespace

void launchSum(const MapShape& s, const SumItem* items, int count, cudaStream_t stream) {
  launchOver(&sum<4>, &sum<1>, s.pixels % 4 == 0, s.elements(), count, stream, s, items);
}

void launchMultiply(const MapShape& s, bool gate, const ProductItem* items, int count, cudaStream_t stream) {
  if (gate)
    launchOver(&multiply<4, true>, &multiply<1, true>, s.pixels % 4 == 0, s.elements(), count, stream, s, items);
  else
    launchOver(&multiply<4, false>, &multiply<1, false>, s.elements() % 4 == 0, s.elements(), count, stream, s, items);
}

void launchProductSums(const MapShape& s, const ProductItem* items, int count, cudaStream_t stream) {
  const int planes = s.batch * s.channels;
  const dim3 grid(static_cast<unsigned>((int64_t{planes} * 32 + kThreads - 1) / kThreads),
                  static_cast<unsigned>(count));
  launch(&productSums, grid, dim3(kThreads), 0, stream, planes, s.pixels, items);
}

void launchFill(const MapShape& s, float value, const FillItem* items, int count, cudaStream_t stream) {
  launchOver(&fill<4>, &fill<1>, s.elements() % 4 == 0, s.elements(), count, stream, s.elements(), value, items);
}

void launchCopyRegion(const Region& r, const CopyItem* items, int count, cudaStream_t stream) {
  const int64_t elements = int64_t{r.batch} * r.channels * r.height * r.width;
  const dim3 grid(static_cast<unsigned>((elements + kThreads - 1) / kThreads), static_cast<unsigned>(count));
  launch(&copyRegion, grid, dim3(kThreads), 0, stream, r, Divisor(r.width), Divisor(r.height), Divisor(r.channels),
         items);
}

void launchSubtract(const SubtractItem* items, int count, int64_t tiles, cudaStream_t stream) {
  launch(&subtract, dim3(static_cast<unsigned>(tiles)), dim3(kThreads), 0, stream, items, count);
}

}  // namespace eznas::cuda
