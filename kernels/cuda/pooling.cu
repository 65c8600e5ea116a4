// Pooling: one thread per number that is written; neighbours read the same windows through the L1 cache.
#include "kernels/cuda/pooling.h"

#include "kernels/cuda/indexing.h"
#include "kernels/cuda/intrinsics.h"
#include "kernels/cuda/launch.h"

namespace eznas::cuda {
namespace {

constexpr int kThreads = 256, kBlocks = 4;  // that fit on a multiprocessor by their registers

/// Half-open range of indices.
struct Range {
  int begin, end;
};

/// Input positions that window o covers along one axis of n positions.
__device__ __forceinline__ Range covered(int o, int kernel, int stride, int pad, int n) {
  const int first = o * stride - pad;
  return {max(first, 0), min(first + kernel, n)};
}

/// Windows, of count along one axis, that cover input position i.
__device__ __forceinline__ Range covering(int i, int kernel, int stride, int pad, int count) {
  const int first = i + pad - kernel + 1;
  return {first <= 0 ? 0 : (first + stride - 1) / stride, min((i + pad) / stride + 1, count)};
}

/// Elements that window o has along one axis of n positions: what its size is a product of.
__device__ __forceinline__ int windowExtent(bool countPadding, int o, int kernel, int stride, int pad, int n) {
  const int first = o * stride - pad;
  return countPadding ? min(first + kernel, n + pad) - first : min(first + kernel, n) - max(first, 0);
}

struct Place {
  int plane, row, col;
};
__device__ __forceinline__ Place placeOf(const Divisor& width, const Divisor& height) {
  Place p;
  p.plane = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  p.col = takeRest(p.plane, width);
  p.row = takeRest(p.plane, height);
  return p;
}

__global__ void __launch_bounds__(kThreads, kBlocks)
    maxPoolForward(Pooling s, Divisor width, Divisor height, const MaxPoolItem* items) {
  const MaxPoolItem item = items[blockIdx.y];
  const Place p = placeOf(width, height);
  if (p.plane >= s.planes) return;
  const Range rows = covered(p.row, s.kernelH, s.strideH, s.padH, s.inH);
  const Range cols = covered(p.col, s.kernelW, s.strideW, s.padW, s.inW);
  const float* x = item.x + static_cast<size_t>(p.plane) * static_cast<size_t>(s.inH * s.inW);
  float best = -INFINITY;
  int where = rows.begin * s.inW + cols.begin;
  for (int y = rows.begin; y < rows.end; ++y) {
    for (int c = cols.begin; c < cols.end; ++c) {
      const float v = __ldg(x + y * s.inW + c);
      if (v > best || v != v) best = v, where = y * s.inW + c;
    }
  }
  const size_t at =
      (static_cast<size_t>(p.plane) * s.outH + static_cast<size_t>(p.row)) * s.outW + static_cast<size_t>(p.col);
  item.y[at] = best;
  if (item.positions != nullptr) item.positions[at] = where;
}

__global__ void __launch_bounds__(kThreads, kBlocks)
    maxPoolBackward(Pooling s, Divisor width, Divisor height, const MaxPoolBackwardItem* items) {
  const MaxPoolBackwardItem item = items[blockIdx.y];
  const Place p = placeOf(width, height);
  if (p.plane >= s.planes) return;
  const Range rows = covering(p.row, s.kernelH, s.strideH, s.padH, s.outH);
  const Range cols = covering(p.col, s.kernelW, s.strideW, s.padW, s.outW);
  const size_t plane = static_cast<size_t>(p.plane) * static_cast<size_t>(s.outH * s.outW);
  const int position = p.row * s.inW + p.col;
  float total = 0;
  for (int oy = rows.begin; oy < rows.end; ++oy)
    for (int ox = cols.begin; ox < cols.end; ++ox)
      if (__ldg(item.positions + plane + oy * s.outW + ox) == position)
        total += __ldg(item.gy + plane + oy * s.outW + ox);
  item.gx[static_cast<size_t>(p.plane) * static_cast<size_t>(s.inH * s.inW) + static_cast<size_t>(position)] = total;
}

__global__ void __launch_bounds__(kThreads, kBlocks)
    avgPoolForward(Pooling s, Divisor width, Divisor height, const PoolItem* items) {
  const PoolItem item = items[blockIdx.y];
  const Place p = placeOf(width, height);
  if (p.plane >= s.planes) return;
  const Range rows = covered(p.row, s.kernelH, s.strideH, s.padH, s.inH);
  const Range cols = covered(p.col, s.kernelW, s.strideW, s.padW, s.inW);
  const float* x = item.from + static_cast<size_t>(p.plane) * static_cast<size_t>(s.inH * s.inW);
  float total = 0;
  for (int y = rows.begin; y < rows.end; ++y)
    for (int c = cols.begin; c < cols.end; ++c) total += __ldg(x + y * s.inW + c);
  const int size = windowExtent(s.countPadding, p.row, s.kernelH, s.strideH, s.padH, s.inH) *
                   windowExtent(s.countPadding, p.col, s.kernelW, s.strideW, s.padW, s.inW);
  item.to[(static_cast<size_t>(p.plane) * s.outH + static_cast<size_t>(p.row)) * s.outW + static_cast<size_t>(p.col)] =
      total / static_cast<float>(size);
}

__global__ void __launch_bounds__(kThreads, kBlocks)
    avgPoolBackward(Pooling s, Divisor width, Divisor height, const PoolItem* items) {
  const PoolItem item = items[blockIdx.y];
  const Place p = placeOf(width, height);
  if (p.plane >= s.planes) return;
  const Range rows = covering(p.row, s.kernelH, s.strideH, s.padH, s.outH);
  const Range cols = covering(p.col, s.kernelW, s.strideW, s.padW, s.outW);
  const float* gy = item.from + static_cast<size_t>(p.plane) * static_cast<size_t>(s.outH * s.outW);
  float total = 0;
  for (int oy = rows.begin; oy < rows.end; ++oy) {
    const int extent = windowExtent(s.countPadding, oy, s.kernelH, s.strideH, s.padH, s.inH);
    for (int ox = cols.begin; ox < cols.end; ++ox) {
      const int size = extent * windowExtent(s.countPadding, ox, s.kernelW, s.strideW, s.padW, s.inW);
      total += __ldg(gy + oy * s.outW + ox) / static_cast<float>(size);
    }
  }
  item.to[(static_cast<size_t>(p.plane) * s.inH + static_cast<size_t>(p.row)) * s.inW + static_cast<size_t>(p.col)] =
      total;
}

/// A warp per plane.
__global__ void __launch_bounds__(kThreads, kBlocks) globalPoolForward(int planes, int pixels, const PoolItem* items) {
  const PoolItem item = items[blockIdx.y];
  const int plane = static_cast<int>(blockIdx.x * kThreads + threadIdx.x) / 32,
            lane = static_cast<int>(threadIdx.x) % 32;
  if (plane >= planes) return;
  const float* x = item.from + static_cast<size_t>(plane) * static_cast<size_t>(pixels);
  double total = 0;
  for (int i = lane; i < pixels; i += 32) total += __ldg(x + i);
  total = warpSum(total);
  if (lane == 0) item.to[plane] = static_cast<float>(total / pixels);
}

__global__ void __launch_bounds__(kThreads, kBlocks)
    globalPoolBackward(int planes, Divisor pixels, const PoolItem* items) {
  const PoolItem item = items[blockIdx.y];
  const int at = static_cast<int>(blockIdx.x * kThreads + threadIdx.x), plane = quotient(at, pixels);
  if (plane >= planes) return;
  item.to[at] = __ldg(item.from + plane) / static_cast<float>(pixels.divisor);
}

dim3 gridOf(int64_t threads, int count) {
  return {static_cast<unsigned>((threads + kThreads - 1) / kThreads), static_cast<unsigned>(count)};
}
dim3 outputs(const Pooling& s, int count) { return gridOf(int64_t{s.planes} * s.outH * s.outW, count); }
dim3 inputs(const Pooling& s, int count) { return gridOf(int64_t{s.planes} * s.inH * s.inW, count); }

}  // namespace

void launchMaxPoolForward(const Pooling& s, const MaxPoolItem* items, int count, cudaStream_t stream) {
  launch(&maxPoolForward, outputs(s, count), dim3(kThreads), 0, stream, s, Divisor(s.outW), Divisor(s.outH), items);
}
void launchMaxPoolBackward(const Pooling& s, const MaxPoolBackwardItem* items, int count, cudaStream_t stream) {
  launch(&maxPoolBackward, inputs(s, count), dim3(kThreads), 0, stream, s, Divisor(s.inW), Divisor(s.inH), items);
}
void launchAvgPoolForward(const Pooling& s, const PoolItem* items, int count, cudaStream_t stream) {
  launch(&avgPoolForward, outputs(s, count), dim3(kThreads), 0, stream, s, Divisor(s.outW), Divisor(s.outH), items);
}
void launchAvgPoolBackward(const Pooling& s, const PoolItem* items, int count, cudaStream_t stream) {
  launch(&avgPoolBackward, inputs(s, count), dim3(kThreads), 0, stream, s, Divisor(s.inW), Divisor(s.inH), items);
}
void launchGlobalPoolForward(int planes, int pixels, const PoolItem* items, int count, cudaStream_t stream) {
  launch(&globalPoolForward, gridOf(int64_t{planes} * 32, count), dim3(kThreads), 0, stream, planes, pixels, items);
}
void launchGlobalPoolBackward(int planes, int pixels, const PoolItem* items, int count, cudaStream_t stream) {
  launch(&globalPoolBackward, gridOf(int64_t{planes} * pixels, count), dim3(kThreads), 0, stream, planes,
         Divisor(pixels), items);
}

}  // namespace eznas::cuda
