// Chains of products in registers. Values stay bounded: a factor below one, and operands that the compiler cannot know.
#include "kernels/cuda/peak.h"

#include "kernels/cuda/launch.h"
#include "kernels/cuda/mma.h"

namespace eznas::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarp = 32;
constexpr int kChains = 8;
constexpr double kMatrixOperations = 2.0 * 16 * 8 * 8;

__global__ void __launch_bounds__(kThreads) peakMultiplyAdd(int64_t iterations, float* out) {
  float chains[kChains];
#pragma unroll
  for (int c = 0; c < kChains; ++c) chains[c] = static_cast<float>(threadIdx.x + c);
  const float factor = 0.5f + 1e-6f * static_cast<float>(blockIdx.x), addend = 1e-3f * static_cast<float>(threadIdx.x);
  for (int64_t i = 0; i < iterations; ++i) {
#pragma unroll
    for (int c = 0; c < kChains; ++c) chains[c] = fmaf(chains[c], factor, addend);
  }
  float sum = 0;
#pragma unroll
  for (int c = 0; c < kChains; ++c) sum += chains[c];
  if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kThreads) peakMatrixTf32(int64_t iterations, float* out) {
  float chains[kChains][4] = {};
  uint32_t a[4], b[2];
#pragma unroll
  for (int i = 0; i < 4; ++i) a[i] = toTf32(1e-3f * static_cast<float>(threadIdx.x + i));
#pragma unroll
  for (int i = 0; i < 2; ++i) b[i] = toTf32(1e-3f * static_cast<float>(blockIdx.x + i));
  for (int64_t i = 0; i < iterations; ++i) {
#pragma unroll
    for (int c = 0; c < kChains; ++c) mmaTf32(chains[c], a, b);
  }
  float sum = 0;
#pragma unroll
  for (int c = 0; c < kChains; ++c) sum += chains[c][0] + chains[c][1] + chains[c][2] + chains[c][3];
  if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

}  // namespace

double peakOperations(PeakKind kind, int blocks, int64_t iterations) {
  const double chains = static_cast<double>(blocks) * kChains * static_cast<double>(iterations);
  return chains * (kind == PeakKind::multiplyAdd ? 2.0 * kThreads : kMatrixOperations * (kThreads / kWarp));
}

void launchPeak(PeakKind kind, int blocks, int64_t iterations, float* out, cudaStream_t stream) {
  const auto kernel = kind == PeakKind::multiplyAdd ? &peakMultiplyAdd : &peakMatrixTf32;
  launch(kernel, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0, stream, iterations, out);
}

}  // namespace eznas::cuda
