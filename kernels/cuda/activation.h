#pragma once
// Activations and their slopes: y = f(x), gx = gy ⊙ f′. Kinks and NaN are as on the CPU (kernels/cpu/activation.cpp).
#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/cpu/network_kernels.h"  // Activation

namespace eznas::cuda {

struct ActivationItem {
  const float* x;
  float* y;
};
/// Over `elements` numbers of each item.
void launchActivation(Activation activation, int64_t elements, const ActivationItem* items, int count,
                      cudaStream_t stream);

/// `from` is what the slope is read off: the activation's input for hard swish and hard sigmoid, its output for relu6
/// and the sigmoid, either for relu.
struct ActivationBackwardItem {
  const float* from;
  const float* gy;
  float* gx;
};
void launchActivationBackward(Activation activation, int64_t elements, const ActivationBackwardItem* items, int count,
                              cudaStream_t stream);

}  // namespace eznas::cuda
