#pragma once
// Batch normalization in training mode: statistics of maps that no convolution made (which gathers its own), and
// gradients. Sums are float64; statistics are shifted by the channel's first value, so that a mean far above the
// deviation costs no digits and a constant channel has variance exactly zero.
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/divisor.h"

namespace eznas::cuda {

struct BatchNorm {
  int32_t batch, channels, pixels;  // pixels of a map
  int32_t splits, splitElements;    // a block sums a split of a channel's batch·pixels numbers
  Divisor pixelCount, channelCount, splitCount;

  BatchNorm() = default;
  BatchNorm(int batch, int channels, int pixels);
  bool operator==(const BatchNorm&) const = default;
  size_t partialDoubles() const { return size_t{2} * static_cast<size_t>(channels * splits); }
};

/// mean and 1/√(variance + 1e-5) per channel.
struct StatisticsItem {
  const float* x;
  double* partials;
  unsigned* arrivals;  // [channels], zero before and after
  float* mean;
  float* inverseStd;
};
/// With N numbers per channel, a = inverseStd:
///   gx = scale·a·(gy − Σgy/N − (x − mean)·a²·Σ(gy·(x − mean))/N)
///   gScale = a·Σ(gy·(x − mean)),  gShift = Σgy
struct NormalizeBackwardItem {
  const float* x;
  const float* gy;
  const float* mean;
  const float* inverseStd;
  double* partials;
  unsigned* arrivals;   // [channels]
  float* coefficients;  // [2][channels]: Σgy/N, and a²·Σ(gy·(x − mean))/N
  float* gx;            // or nullptr
  const float* scale;   // [channels], or nullptr: 1
  float* gScale;        // [channels], or nullptr
  float* gShift;        // where gScale is
};

void launchBatchStatistics(const BatchNorm& shape, const StatisticsItem* items, int count, cudaStream_t stream);
/// Both launches: sums, then the gradient.
void launchNormalizeBackward(const BatchNorm& shape, const NormalizeBackwardItem* items, int count,
                             cudaStream_t stream);

}  // namespace eznas::cuda
