// Batch normalization. Sums go through every number of a channel once, a block per part of a channel; the last block
// of a channel to finish adds the parts in order.
#include "kernels/cuda/batch_norm.h"

#include "kernels/cuda/indexing.h"
#include "kernels/cuda/intrinsics.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/statistics.h"

namespace eznas::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;
constexpr int kSplitElements = 4096;

struct Pair {
  double first, second;
};

/// Sum over the block, in thread 0.
__device__ __forceinline__ Pair blockSum(Pair p) {
  __shared__ double parts[kWarps][2];
  const int thread = static_cast<int>(threadIdx.x);
  p.first = warpSum(p.first);
  p.second = warpSum(p.second);
  __syncthreads();
  if (thread % 32 == 0) parts[thread / 32][0] = p.first, parts[thread / 32][1] = p.second;
  __syncthreads();
  if (thread == 0)
    for (int w = 1; w < kWarps; ++w) p.first += parts[w][0], p.second += parts[w][1];
  return p;
}

/// Sums term(offset) over a channel's numbers [first, end), numbered over images and pixels. Every thread takes four
/// neighbours where rows of pixels allow it: term4(offset) adds those.
template <class Term>
__device__ __forceinline__ Pair sumOf(const BatchNorm& s, int channel, int first, int end, Term term) {
  Pair sums{0, 0};
  const int step = s.pixels % 4 == 0 ? 4 : 1;  // splits are multiples of 4
  for (int i = first + static_cast<int>(threadIdx.x) * step; i < end; i += kThreads * step) {
    int image = i;
    const int pixel = takeRest(image, s.pixelCount);
    const size_t at =
        static_cast<size_t>(image * s.channels + channel) * static_cast<size_t>(s.pixels) + static_cast<size_t>(pixel);
    if (step == 4)
      term(at, true, sums);
    else
      term(at, false, sums);
  }
  return sums;
}

/// Sums of all splits of a channel by the last of its blocks; only in thread 0 of that.
__device__ __forceinline__ bool finish(const BatchNorm& s, int channel, int split, Pair mine, double* partials,
                                       unsigned* arrivals, Pair& all) {
  double* place = partials + 2 * static_cast<size_t>(channel * s.splits);
  if (threadIdx.x == 0) place[2 * split] = mine.first, place[2 * split + 1] = mine.second;
  if (!lastToArrive(arrivals + channel, s.splits)) return false;
  Pair sums{0, 0};
  for (int i = static_cast<int>(threadIdx.x); i < s.splits; i += kThreads)
    sums.first += __ldcg(place + 2 * i), sums.second += __ldcg(place + 2 * i + 1);
  all = blockSum(sums);
  return threadIdx.x == 0;
}

__global__ void __launch_bounds__(kThreads) batchStatistics(BatchNorm s, const StatisticsItem* items) {
  const StatisticsItem item = items[blockIdx.y];
  int channel = static_cast<int>(blockIdx.x);
  const int split = takeRest(channel, s.splitCount);
  const float first = __ldg(item.x + static_cast<size_t>(channel) * static_cast<size_t>(s.pixels));
  const double shift = fabsf(first) < INFINITY ? first : 0.0f;
  const auto add = [&](float value, Pair& sums) {
    const double v = value - shift;
    sums.first += v;
    sums.second += v * v;
  };
  const int begin = split * s.splitElements, end = min(begin + s.splitElements, s.batch * s.pixels);
  const Pair mine = blockSum(sumOf(s, channel, begin, end, [&](size_t at, bool four, Pair& sums) {
    if (!four) return add(__ldg(item.x + at), sums);
    const float4 v = __ldg(reinterpret_cast<const float4*>(item.x + at));
    add(v.x, sums), add(v.y, sums), add(v.z, sums), add(v.w, sums);
  }));
  Pair all;
  if (!finish(s, channel, split, mine, item.partials, item.arrivals, all)) return;
  const double count = static_cast<double>(s.batch) * s.pixels;
  writeNormalization(all.first / count, all.second / count, shift, item.mean + channel, item.inverseStd + channel);
}

__global__ void __launch_bounds__(kThreads) normalizeSums(BatchNorm s, const NormalizeBackwardItem* items) {
  const NormalizeBackwardItem item = items[blockIdx.y];
  int channel = static_cast<int>(blockIdx.x);
  const int split = takeRest(channel, s.splitCount);
  const double mean = __ldg(item.mean + channel);
  const auto add = [&](float gradient, float value, Pair& sums) {
    const double d = gradient;
    sums.first += d;
    sums.second += d * (value - mean);
  };
  const int begin = split * s.splitElements, end = min(begin + s.splitElements, s.batch * s.pixels);
  const Pair mine = blockSum(sumOf(s, channel, begin, end, [&](size_t at, bool four, Pair& sums) {
    if (!four) return add(__ldg(item.gy + at), __ldg(item.x + at), sums);
    const float4 g = __ldg(reinterpret_cast<const float4*>(item.gy + at));
    const float4 v = __ldg(reinterpret_cast<const float4*>(item.x + at));
    add(g.x, v.x, sums), add(g.y, v.y, sums), add(g.z, v.z, sums), add(g.w, v.w, sums);
  }));
  Pair all;
  if (!finish(s, channel, split, mine, item.partials, item.arrivals, all)) return;
  const double count = static_cast<double>(s.batch) * s.pixels, inverse = item.inverseStd[channel];
  item.coefficients[channel] = static_cast<float>(all.first / count);
  item.coefficients[s.channels + channel] = static_cast<float>(all.second * inverse * inverse / count);
  if (item.gScale == nullptr) return;
  item.gScale[channel] = static_cast<float>(all.second * inverse);
  item.gShift[channel] = static_cast<float>(all.first);
}

__global__ void __launch_bounds__(kThreads)
    normalizeBackward(BatchNorm s, int step, const NormalizeBackwardItem* items) {
  const NormalizeBackwardItem item = items[blockIdx.y];
  const int64_t at = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) * step;
  if (item.gx == nullptr || at >= static_cast<int64_t>(s.batch) * s.channels * s.pixels) return;
  int channel = quotient(static_cast<int>(at), s.pixelCount);
  channel = takeRest(channel, s.channelCount);
  const float mean = __ldg(item.mean + channel);
  float factor = __ldg(item.inverseStd + channel);
  if (item.scale != nullptr) factor *= __ldg(item.scale + channel);
  const float average = __ldg(item.coefficients + channel), slope = __ldg(item.coefficients + s.channels + channel);
  const auto gradient = [&](float g, float v) { return (g - average - (v - mean) * slope) * factor; };
  if (step == 1) {
    item.gx[at] = gradient(__ldg(item.gy + at), __ldg(item.x + at));
    return;
  }
  const float4 g = __ldg(reinterpret_cast<const float4*>(item.gy + at));
  const float4 v = __ldg(reinterpret_cast<const float4*>(item.x + at));
  *reinterpret_cast<float4*>(item.gx + at) =
      make_float4(gradient(g.x, v.x), gradient(g.y, v.y), gradient(g.z, v.z), gradient(g.w, v.w));
}

}  // namespace

BatchNorm::BatchNorm(int batch_, int channels_, int pixels_)
    : batch(batch_),
      channels(channels_),
      pixels(pixels_),
      splits(static_cast<int32_t>((int64_t{batch_} * pixels_ + kSplitElements - 1) / kSplitElements)),
      splitElements(kSplitElements),
      pixelCount(pixels_),
      channelCount(channels_),
      splitCount(splits) {}

void launchBatchStatistics(const BatchNorm& s, const StatisticsItem* items, int count, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(s.channels * s.splits), static_cast<unsigned>(count));
  launch(&batchStatistics, grid, dim3(kThreads), 0, stream, s, items);
}

void launchNormalizeBackward(const BatchNorm& s, const NormalizeBackwardItem* items, int count, cudaStream_t stream) {
  const auto rows = static_cast<unsigned>(count);
  launch(&normalizeSums, dim3(static_cast<unsigned>(s.channels * s.splits), rows), dim3(kThreads), 0, stream, s, items);
  const int step = s.pixels % 4 == 0 ? 4 : 1;
  const int64_t threads = int64_t{s.batch} * s.channels * s.pixels / step;
  launch(&normalizeBackward, dim3(static_cast<unsigned>((threads + kThreads - 1) / kThreads), rows), dim3(kThreads), 0,
         stream, s, step, items);
}

}  // namespace eznas::cuda
