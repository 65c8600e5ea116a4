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

/// The item that a tile belongs to: the last whose first tile is not past it.
template <class Item>
__device__ __forceinline__ const Item& itemOfTile(const Item* items, int count, int64_t tile) {
  int low = 0, high = count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (items[middle].firstTile <= tile)
      low = middle;
    else
      high = middle;
  }
  return items[low];
}

}  // namespace eznas::cuda
