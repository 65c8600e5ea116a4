#pragma once
// Indices in kernels.
#include <cuda_runtime.h>

#include "kernels/cuda/divisor.h"

namespace eznas::cuda {

__device__ __forceinline__ int quotient(int n, const Divisor& d) {
  const auto u = static_cast<uint32_t>(n);
  return static_cast<int>((__umulhi(u, d.multiplier) + u) >> d.shift);
}

/// n = quotient · divisor + rest; n becomes the quotient.
__device__ __forceinline__ int takeRest(int& n, const Divisor& d) {
  const int q = quotient(n, d);
  const int rest = n - q * static_cast<int>(d.divisor);
  n = q;
  return rest;
}

}  // namespace eznas::cuda
