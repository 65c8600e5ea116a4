#pragma once
// Passes over memory in which a thread takes kWide neighbouring numbers, four where sizes allow it.
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/launch.h"

namespace eznas::cuda {

inline constexpr int kPassThreads = 256;

template <int kWide>
struct Numbers {
  float v[kWide];
};
template <int kWide>
__device__ __forceinline__ Numbers<kWide> load(const float* p) {
  Numbers<kWide> n;
  if constexpr (kWide == 4) {
    const float4 v = *reinterpret_cast<const float4*>(p);
    n.v[0] = v.x, n.v[1] = v.y, n.v[2] = v.z, n.v[3] = v.w;
  } else {
    n.v[0] = *p;
  }
  return n;
}
template <int kWide>
__device__ __forceinline__ void store(float* p, const Numbers<kWide>& n) {
  if constexpr (kWide == 4)
    *reinterpret_cast<float4*>(p) = make_float4(n.v[0], n.v[1], n.v[2], n.v[3]);
  else
    *p = n.v[0];
}

/// First number of this thread.
template <int kWide>
__device__ __forceinline__ int64_t place() {
  return (static_cast<int64_t>(blockIdx.x) * kPassThreads + threadIdx.x) * kWide;
}

/// Starts `wide`, for groups of four neighbours, or `narrow`, for one, over `elements` numbers of each item.
template <class Wide, class Narrow, class... Arguments>
void launchOver(Wide wide, Narrow narrow, bool four, int64_t elements, int count, cudaStream_t stream,
                Arguments... arguments) {
  const int64_t threads = four ? elements / 4 : elements;
  const dim3 grid(static_cast<unsigned>((threads + kPassThreads - 1) / kPassThreads), static_cast<unsigned>(count));
  launch(four ? wide : narrow, grid, dim3(kPassThreads), 0, stream, arguments...);
}

}  // namespace eznas::cuda
