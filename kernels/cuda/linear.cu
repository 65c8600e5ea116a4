// Fully connected layers: small next to the convolutions before them.
#include "kernels/cuda/linear.h"

#include "kernels/cuda/indexing.h"
#include "kernels/cuda/intrinsics.h"
#include "kernels/cuda/launch.h"

namespace eznas::cuda {
namespace {

constexpr int kThreads = 128;

/// A warp per output: a dot product along contiguous memory.
__global__ void __launch_bounds__(kThreads) linearForward(Linear s, Divisor features, const LinearItem* items) {
  const LinearItem item = items[blockIdx.y];
  int image = static_cast<int>(blockIdx.x * kThreads + threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32, feature = takeRest(image, features);
  if (image >= s.batch) return;
  const float* x = item.x + static_cast<size_t>(image) * static_cast<size_t>(s.inputs);
  const float* w = item.weights + static_cast<size_t>(feature) * static_cast<size_t>(s.inputs);
  float total = 0;
  for (int i = lane; i < s.inputs; i += 32) total = __fmaf_rn(__ldg(x + i), __ldg(w + i), total);
  total = warpSum(total);
  if (lane == 0)
    item.y[image * s.features + feature] = total + (item.bias != nullptr ? __ldg(item.bias + feature) : 0.0f);
}

/// A thread per input: gx[image][i] = Σ gy[image][f]·w[f][i].
__global__ void __launch_bounds__(kThreads) linearBackward(Linear s, Divisor inputs, const LinearBackwardItem* items) {
  const LinearBackwardItem item = items[blockIdx.y];
  int image = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int i = takeRest(image, inputs);
  if (image >= s.batch) return;
  float total = 0;
  for (int f = 0; f < s.features; ++f)
    total = __fmaf_rn(__ldg(item.gy + image * s.features + f),
                      __ldg(item.weights + static_cast<size_t>(f) * static_cast<size_t>(s.inputs) + i), total);
  item.gx[static_cast<size_t>(image) * static_cast<size_t>(s.inputs) + static_cast<size_t>(i)] = total;
}

/// A thread per weight: gradient[f][i] = Σ x[image][i]·gy[image][f].
__global__ void __launch_bounds__(kThreads) linearWeights(Linear s, Divisor inputs, const LinearWeightsItem* items) {
  const LinearWeightsItem item = items[blockIdx.y];
  int feature = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int i = takeRest(feature, inputs);
  if (feature >= s.features) return;
  float total = 0;
  for (int image = 0; image < s.batch; ++image)
    total = __fmaf_rn(__ldg(item.x + static_cast<size_t>(image) * static_cast<size_t>(s.inputs) + i),
                      __ldg(item.gy + image * s.features + feature), total);
  item.gradient[static_cast<size_t>(feature) * static_cast<size_t>(s.inputs) + static_cast<size_t>(i)] = total;
}

/// A block per channel.
__global__ void __launch_bounds__(kThreads) biasGradient(BiasShape s, Divisor pixels, const BiasItem* items) {
  __shared__ double parts[kThreads / 32];
  const BiasItem item = items[blockIdx.y];
  const int channel = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  double total = 0;
  for (int i = thread; i < s.batch * s.pixels; i += kThreads) {
    int image = i;
    const int pixel = takeRest(image, pixels);
    total += __ldg(item.gy + static_cast<size_t>(image * s.channels + channel) * static_cast<size_t>(s.pixels) + pixel);
  }
  total = warpSum(total);
  if (thread % 32 == 0) parts[thread / 32] = total;
  __syncthreads();
  if (thread > 0) return;
  for (int w = 1; w < kThreads / 32; ++w) total += parts[w];
  item.gradient[channel] = static_cast<float>(total);
}

dim3 gridOf(int64_t threads, int count) {
  return {static_cast<unsigned>((threads + kThreads - 1) / kThreads), static_cast<unsigned>(count)};
}

}  // namespace

void launchLinearForward(const Linear& s, const LinearItem* items, int count, cudaStream_t stream) {
  launch(&linearForward, gridOf(int64_t{s.batch} * s.features * 32, count), dim3(kThreads), 0, stream, s,
         Divisor(s.features), items);
}
void launchLinearBackward(const Linear& s, const LinearBackwardItem* items, int count, cudaStream_t stream) {
  launch(&linearBackward, gridOf(int64_t{s.batch} * s.inputs, count), dim3(kThreads), 0, stream, s, Divisor(s.inputs),
         items);
}
void launchLinearWeights(const Linear& s, const LinearWeightsItem* items, int count, cudaStream_t stream) {
  launch(&linearWeights, gridOf(int64_t{s.features} * s.inputs, count), dim3(kThreads), 0, stream, s, Divisor(s.inputs),
         items);
}
void launchBiasGradient(const BiasShape& s, const BiasItem* items, int count, cudaStream_t stream) {
  launch(&biasGradient, dim3(static_cast<unsigned>(s.channels), static_cast<unsigned>(count)), dim3(kThreads), 0,
         stream, s, Divisor(s.pixels), items);
}

}  // namespace eznas::cuda
