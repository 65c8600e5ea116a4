// Passes over memory, four neighbours per thread where the size allows it.
#include "kernels/cuda/elementwise.h"

#include "kernels/cuda/indexing.h"
#include "kernels/cuda/launch.h"

namespace eznas::cuda {
namespace {

constexpr int kThreads = 256;

template <int kWide>
struct Numbers {
  float v[kWide];
};
template <int kWide>
__device__ __forceinline__ Numbers<kWide> load(const float* p) {
  Numbers<kWide> n;
  if constexpr (kWide == 4) {
    const float4 v = *reinterpret_cast<const float4*>(p);
    n.v[0] = v.x, n.v[1] = v.y, n.v[2] = v.z, n.v[3] = v.w;
  } else {
    n.v[0] = *p;
  }
  return n;
}
template <int kWide>
__device__ __forceinline__ void store(float* p, const Numbers<kWide>& n) {
  if constexpr (kWide == 4)
    *reinterpret_cast<float4*>(p) = make_float4(n.v[0], n.v[1], n.v[2], n.v[3]);
  else
    *p = n.v[0];
}

/// First number of this thread.
template <int kWide>
__device__ __forceinline__ int64_t place() {
  return (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kWide;
}

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
__global__ void __launch_bounds__(kThreads) reluForward(int64_t elements, const ReluItem* items) {
  const ReluItem item = items[blockIdx.y];
  const int64_t at = place<kWide>();
  if (at >= elements) return;
  Numbers<kWide> n = load<kWide>(item.x + at);
#pragma unroll
  for (float& v : n.v) v = v <= 0 ? 0.0f : v;  // a NaN compares false and stays
  store<kWide>(item.y + at, n);
}

template <int kWide>
__global__ void __launch_bounds__(kThreads) reluBackward(int64_t elements, const ReluBackwardItem* items) {
  const ReluBackwardItem item = items[blockIdx.y];
  const int64_t at = place<kWide>();
  if (at >= elements) return;
  const Numbers<kWide> x = load<kWide>(item.x + at);
  Numbers<kWide> g = load<kWide>(item.gy + at);
#pragma unroll
  for (int e = 0; e < kWide; ++e) g.v[e] = x.v[e] > 0 ? g.v[e] : 0.0f;
  store<kWide>(item.gx + at, g);
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

/// Launches the variant for groups of `step` neighbours over `elements` numbers.
template <class Wide, class Narrow, class... Arguments>
void launchOver(Wide wide, Narrow narrow, bool four, int64_t elements, int count, cudaStream_t stream,
                Arguments... arguments) {
  const int64_t threads = four ? elements / 4 : elements;
  const dim3 grid(static_cast<unsigned>((threads + kThreads - 1) / kThreads), static_cast<unsigned>(count));
  launch(four ? wide : narrow, grid, dim3(kThreads), 0, stream, arguments...);
}

}  // namespace

void launchSum(const MapShape& s, const SumItem* items, int count, cudaStream_t stream) {
  launchOver(&sum<4>, &sum<1>, s.pixels % 4 == 0, s.elements(), count, stream, s, items);
}

void launchReluForward(const MapShape& s, const ReluItem* items, int count, cudaStream_t stream) {
  launchOver(&reluForward<4>, &reluForward<1>, s.elements() % 4 == 0, s.elements(), count, stream, s.elements(), items);
}

void launchReluBackward(const MapShape& s, const ReluBackwardItem* items, int count, cudaStream_t stream) {
  launchOver(&reluBackward<4>, &reluBackward<1>, s.elements() % 4 == 0, s.elements(), count, stream, s.elements(),
             items);
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
