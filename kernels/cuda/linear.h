#pragma once
// Fully connected layers: exact float32 products.
#include <cuda_runtime_api.h>

#include <cstdint>

namespace eznas::cuda {

/// x: batch × inputs, y: batch × features, weights: features × inputs.
struct Linear {
  int32_t batch, inputs, features;
  bool operator==(const Linear&) const = default;
};

struct LinearItem {
  const float* x;
  const float* weights;
  const float* bias;  // or nullptr
  float* y;
};
struct LinearBackwardItem {
  const float* gy;
  const float* weights;
  float* gx;
};
struct LinearWeightsItem {
  const float* x;
  const float* gy;
  float* gradient;
};
void launchLinearForward(const Linear& shape, const LinearItem* items, int count, cudaStream_t stream);
void launchLinearBackward(const Linear& shape, const LinearBackwardItem* items, int count, cudaStream_t stream);
void launchLinearWeights(const Linear& shape, const LinearWeightsItem* items, int count, cudaStream_t stream);

/// gradient[c] = Σ gy over batch and pixels: of biases, of convolutions too.
struct BiasShape {
  int32_t batch, channels, pixels;
  bool operator==(const BiasShape&) const = default;
};
struct BiasItem {
  const float* gy;
  float* gradient;
};
void launchBiasGradient(const BiasShape& shape, const BiasItem* items, int count, cudaStream_t stream);

}  // namespace eznas::cuda
