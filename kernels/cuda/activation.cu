// Activations: passes over memory, which what is computed per number does not slow down; so which activation it is, is
// decided in the kernel, alike for all threads.
#include "kernels/cuda/activation.h"

#include "kernels/cuda/neighbours.h"
#include "kernels/cuda/program_values.cuh"

namespace eznas::cuda {
namespace {

/// x below the lower bound, above the upper one, or between; a NaN compares false and is between.
__device__ __forceinline__ float piece(float x, float low, float high, float below, float between, float above) {
  return x <= low ? below : x >= high ? above : between;
}

__device__ __forceinline__ float activated(Activation activation, float x) {
  switch (activation) {
    case Activation::relu:
      return x <= 0 ? 0.0f : x;
    case Activation::relu6:
      return piece(x, 0, 6, 0, x, 6);
    case Activation::hardSwish:
      return piece(x, -3, 3, 0, x * (x + 3) / 6, x);
    case Activation::hardSigmoid:
      return piece(x, -3, 3, 0, (x + 3) / 6, 1);
    case Activation::sigmoid:
      return sigmoidOf(x);
  }
  return x;
}

/// g times the slope; at a kink that of the constant or straight piece.
__device__ __forceinline__ float sloped(Activation activation, float x, float g) {
  switch (activation) {
    case Activation::relu:
      return x > 0 ? g : 0.0f;
    case Activation::relu6:
      return x > 0 && x < 6 ? g : 0.0f;
    case Activation::hardSwish:
      return piece(x, -3, 3, 0, g * ((x + x + 3) / 6), g);
    case Activation::hardSigmoid:
      return x > -3 && x < 3 ? g / 6 : 0.0f;
    case Activation::sigmoid:
      return g * (x - x * x);
  }
  return g;
}

template <int kWide>
__global__ void __launch_bounds__(kPassThreads)
    activate(Activation activation, int64_t elements, const ActivationItem* items) {
  const ActivationItem item = items[blockIdx.y];
  const int64_t at = place<kWide>();
  if (at >= elements) return;
  Numbers<kWide> n = load<kWide>(item.x + at);
#pragma unroll
  for (float& v : n.v) v = activated(activation, v);
  store<kWide>(item.y + at, n);
}

template <int kWide>
__global__ void __launch_bounds__(kPassThreads)
    activateBackward(Activation activation, int64_t elements, const ActivationBackwardItem* items) {
  const ActivationBackwardItem item = items[blockIdx.y];
  const int64_t at = place<kWide>();
  if (at >= elements) return;
  const Numbers<kWide> x = load<kWide>(item.from + at);
  Numbers<kWide> g = load<kWide>(item.gy + at);
#pragma unroll
  for (int e = 0; e < kWide; ++e) g.v[e] = sloped(activation, x.v[e], g.v[e]);
  store<kWide>(item.gx + at, g);
}

}  // namespace

void launchActivation(Activation activation, int64_t elements, const ActivationItem* items, int count,
                      cudaStream_t stream) {
  launchOver(&activate<4>, &activate<1>, elements % 4 == 0, elements, count, stream, activation, elements, items);
}

void launchActivationBackward(Activation activation, int64_t elements, const ActivationBackwardItem* items, int count,
                              cudaStream_t stream) {
  launchOver(&activateBackward<4>, &activateBackward<1>, elements % 4 == 0, elements, count, stream, activation,
             elements, items);
}

}  // namespace eznas::cuda
