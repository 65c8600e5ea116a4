// Depthwise convolution. One thread makes four neighbours of a row: with a stride and dilation of 1 they share a window
// of the source in registers, so that each value is loaded once per row of the kernel; sources are read through the
// L1 cache.
#include "kernels/cuda/depthwise.h"

#include "kernels/cuda/indexing.h"
#include "kernels/cuda/intrinsics.h"
#include "kernels/cuda/launch.h"

namespace eznas::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kRun = 4;  // neighbours per thread

/// What a thread sums: taps (a, b) of weights[a][b] at source row row + a·rowTap and columns col + j·colStep +
/// b·colTap.
struct Window {
  const float* source;  // of the channel
  const float* weights;
  int sourceH, sourceW;
  int row, rowTap, col, colStep, colTap;
  int kernelH, kernelW;
  int weightRow, weightCol;  // steps of the weights
  bool relu;

  __device__ __forceinline__ float at(const float* line, int x) const {
    if (static_cast<unsigned>(x) >= static_cast<unsigned>(sourceW)) return 0;
    const float v = __ldg(line + x);
    return relu && v <= 0 ? 0.0f : v;
  }
};

template <int kKernelW>
__device__ __forceinline__ void addSliding(const Window& w, float (&sums)[kRun]) {
  for (int a = 0; a < w.kernelH; ++a) {
    const int y = w.row + a * w.rowTap;
    if (static_cast<unsigned>(y) >= static_cast<unsigned>(w.sourceH)) continue;
    const float* line = w.source + y * w.sourceW;
    float values[kKernelW + kRun - 1];
#pragma unroll
    for (int j = 0; j < kKernelW + kRun - 1; ++j) values[j] = w.at(line, w.col + j);
#pragma unroll
    for (int b = 0; b < kKernelW; ++b) {
      const float weight = __ldg(w.weights + a * w.weightRow + b * w.weightCol);
#pragma unroll
      for (int j = 0; j < kRun; ++j) sums[j] = __fmaf_rn(values[j + b], weight, sums[j]);
    }
  }
}

__device__ __forceinline__ void addAny(const Window& w, float (&sums)[kRun]) {
  for (int a = 0; a < w.kernelH; ++a) {
    const int y = w.row + a * w.rowTap;
    if (static_cast<unsigned>(y) >= static_cast<unsigned>(w.sourceH)) continue;
    const float* line = w.source + y * w.sourceW;
    for (int b = 0; b < w.kernelW; ++b) {
      const float weight = __ldg(w.weights + a * w.weightRow + b * w.weightCol);
#pragma unroll
      for (int j = 0; j < kRun; ++j)
        sums[j] = __fmaf_rn(w.at(line, w.col + j * w.colStep + b * w.colTap), weight, sums[j]);
    }
  }
}

__device__ __forceinline__ void add(const Window& w, float (&sums)[kRun]) {
  const bool slides = w.colStep == 1 && w.colTap == 1;
  if (slides && w.kernelW == 3)
    addSliding<3>(w, sums);
  else if (slides && w.kernelW == 5)
    addSliding<5>(w, sums);
  else if (slides && w.kernelW == 7)
    addSliding<7>(w, sums);
  else
    addAny(w, sums);
}

__device__ __forceinline__ void write(const DepthwiseItem& item, size_t at, float v) {
  if (item.target != nullptr) item.target[at] = v;
  if (item.mask != nullptr) item.masked[at] = __ldg(item.mask + at) > 0 ? v : 0.0f;
}

/// A run of the target: plane (image and channel), row and first column.
struct Run {
  int plane, channel, row, col;
};
__device__ __forceinline__ Run runOf(int index, int channels, int rows, const Divisor& runs) {
  Run r;
  int rest = index;
  r.col = takeRest(rest, runs) * kRun;
  r.plane = rest / rows;
  r.row = rest - r.plane * rows;
  r.channel = r.plane % channels;
  return r;
}

__global__ void __launch_bounds__(kThreads) depthwiseForward(Depthwise s, Divisor runs, const DepthwiseItem* items) {
  const DepthwiseItem item = items[blockIdx.y];
  const Run r = runOf(static_cast<int>(blockIdx.x * kThreads + threadIdx.x), s.channels, s.outH, runs);
  if (r.plane >= s.batch * s.channels) return;
  const Window w{item.source + static_cast<size_t>(r.plane) * static_cast<size_t>(s.inH * s.inW),
                 item.weights + static_cast<size_t>(r.channel) * static_cast<size_t>(s.kernelH * s.kernelW),
                 s.inH,
                 s.inW,
                 r.row * s.strideH - s.padH,
                 s.dilationH,
                 r.col * s.strideW - s.padW,
                 s.strideW,
                 s.dilationW,
                 s.kernelH,
                 s.kernelW,
                 s.kernelW,
                 1,
                 s.relu};
  const float bias = item.bias != nullptr ? __ldg(item.bias + r.channel) : 0.0f;
  float sums[kRun];
#pragma unroll
  for (int j = 0; j < kRun; ++j) sums[j] = bias;
  add(w, sums);
  const size_t base = (static_cast<size_t>(r.plane) * s.outH + static_cast<size_t>(r.row)) * s.outW;
#pragma unroll
  for (int j = 0; j < kRun; ++j)
    if (r.col + j < s.outW) write(item, base + static_cast<size_t>(r.col + j), sums[j]);
}

/// Stride 1: a convolution of gy by the taps in reverse order.
__global__ void __launch_bounds__(kThreads) depthwiseBackward(Depthwise s, Divisor runs, const DepthwiseItem* items) {
  const DepthwiseItem item = items[blockIdx.y];
  const Run r = runOf(static_cast<int>(blockIdx.x * kThreads + threadIdx.x), s.channels, s.inH, runs);
  if (r.plane >= s.batch * s.channels) return;
  const int taps = s.kernelH * s.kernelW;
  const Window w{item.source + static_cast<size_t>(r.plane) * static_cast<size_t>(s.outH * s.outW),
                 item.weights + static_cast<size_t>(r.channel) * static_cast<size_t>(taps) + taps - 1,
                 s.outH,
                 s.outW,
                 r.row + s.padH - s.dilationH * (s.kernelH - 1),
                 s.dilationH,
                 r.col + s.padW - s.dilationW * (s.kernelW - 1),
                 1,
                 s.dilationW,
                 s.kernelH,
                 s.kernelW,
                 -s.kernelW,
                 -1,
                 false};
  float sums[kRun] = {0, 0, 0, 0};
  add(w, sums);
  const size_t base = (static_cast<size_t>(r.plane) * s.inH + static_cast<size_t>(r.row)) * s.inW;
#pragma unroll
  for (int j = 0; j < kRun; ++j)
    if (r.col + j < s.inW) write(item, base + static_cast<size_t>(r.col + j), sums[j]);
}

/// Larger strides: each input takes the taps that reach it.
__global__ void __launch_bounds__(kThreads)
    depthwiseBackwardStrided(Depthwise s, Divisor width, const DepthwiseItem* items) {
  const DepthwiseItem item = items[blockIdx.y];
  int rest = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int x = takeRest(rest, width), plane = rest / s.inH, y = rest - plane * s.inH;
  if (plane >= s.batch * s.channels) return;
  const float* gy = item.source + static_cast<size_t>(plane) * static_cast<size_t>(s.outH * s.outW);
  const float* weights =
      item.weights + static_cast<size_t>(plane % s.channels) * static_cast<size_t>(s.kernelH * s.kernelW);
  float sum = 0;
  for (int a = 0; a < s.kernelH; ++a) {
    const int row = y + s.padH - a * s.dilationH, oy = row / s.strideH;
    if (row < 0 || row % s.strideH != 0 || oy >= s.outH) continue;
    for (int b = 0; b < s.kernelW; ++b) {
      const int col = x + s.padW - b * s.dilationW, ox = col / s.strideW;
      if (col < 0 || col % s.strideW != 0 || ox >= s.outW) continue;
      sum = __fmaf_rn(__ldg(gy + oy * s.outW + ox), __ldg(weights + a * s.kernelW + b), sum);
    }
  }
  write(item, (static_cast<size_t>(plane) * s.inH + static_cast<size_t>(y)) * s.inW + static_cast<size_t>(x), sum);
}

/// A block sums up to 8 neighbouring taps of one row of one channel's kernel over all images and pixels.
constexpr int kTaps = 8;
__global__ void __launch_bounds__(kThreads)
    depthwiseWeights(Depthwise s, int tapBlocks, Divisor width, Divisor height, const DepthwiseWeightsItem* items) {
  __shared__ double parts[kThreads / 32][kTaps];
  const DepthwiseWeightsItem item = items[blockIdx.y];
  const int thread = static_cast<int>(threadIdx.x);
  const int firstTap = static_cast<int>(blockIdx.x) % tapBlocks * kTaps;
  const int line = static_cast<int>(blockIdx.x) / tapBlocks, a = line % s.kernelH, channel = line / s.kernelH;
  const int taps = min(kTaps, s.kernelW - firstTap);
  float sums[kTaps] = {};
  for (int i = thread; i < s.batch * s.outH * s.outW; i += kThreads) {
    int image = i;
    const int ox = takeRest(image, width), oy = takeRest(image, height);
    const size_t plane = static_cast<size_t>(image * s.channels + channel);
    const float g = __ldg(item.gy + plane * static_cast<size_t>(s.outH * s.outW) + oy * s.outW + ox);
    const int y = oy * s.strideH - s.padH + a * s.dilationH;
    const bool inside = static_cast<unsigned>(y) < static_cast<unsigned>(s.inH);
    const float* row = item.x + plane * static_cast<size_t>(s.inH * s.inW) + y * s.inW;
#pragma unroll
    for (int b = 0; b < kTaps; ++b) {
      const int x = ox * s.strideW - s.padW + (firstTap + b) * s.dilationW;
      if (b >= taps) break;
      // Padding is zeros that are multiplied like others.
      float v = inside && static_cast<unsigned>(x) < static_cast<unsigned>(s.inW) ? __ldg(row + x) : 0.0f;
      if (s.relu && v <= 0) v = 0;
      sums[b] = __fmaf_rn(v, g, sums[b]);
    }
  }
#pragma unroll
  for (int b = 0; b < kTaps; ++b) {
    const double sum = warpSum(static_cast<double>(sums[b]));
    if (thread % 32 == 0) parts[thread / 32][b] = sum;
  }
  __syncthreads();
  if (thread >= taps) return;
  double sum = 0;
  for (int w = 0; w < kThreads / 32; ++w) sum += parts[w][thread];
  item.gradient[static_cast<size_t>(line) * static_cast<size_t>(s.kernelW) + static_cast<size_t>(firstTap + thread)] =
      static_cast<float>(sum);
}

dim3 gridOf(int64_t threads, int count) {
  return {static_cast<unsigned>((threads + kThreads - 1) / kThreads), static_cast<unsigned>(count)};
}

}  // namespace

void launchDepthwiseForward(const Depthwise& s, const DepthwiseItem* items, int count, cudaStream_t stream) {
  const int runs = (s.outW + kRun - 1) / kRun;
  launch(&depthwiseForward, gridOf(int64_t{s.batch} * s.channels * s.outH * runs, count), dim3(kThreads), 0, stream, s,
         Divisor(runs), items);
}

void launchDepthwiseBackward(const Depthwise& s, const DepthwiseItem* items, int count, cudaStream_t stream) {
  const bool strided = s.strideH > 1 || s.strideW > 1;
  const int runs = strided ? s.inW : (s.inW + kRun - 1) / kRun;
  launch(strided ? &depthwiseBackwardStrided : &depthwiseBackward,
         gridOf(int64_t{s.batch} * s.channels * s.inH * runs, count), dim3(kThreads), 0, stream, s, Divisor(runs),
         items);
}

void launchDepthwiseWeights(const Depthwise& s, const DepthwiseWeightsItem* items, int count, cudaStream_t stream) {
  const int tapBlocks = (s.kernelW + kTaps - 1) / kTaps;
  launch(&depthwiseWeights,
         dim3(static_cast<unsigned>(s.channels * s.kernelH * tapBlocks), static_cast<unsigned>(count)), dim3(kThreads),
         0, stream, s, tapBlocks, Divisor(s.outW), Divisor(s.outH), items);
}

}  // namespace eznas::cuda
