#pragma once
// Functions that compile for CPU kernels and for the GPU.

#if defined(__CUDACC__)
#define EZNAS_HOST_DEVICE __host__ __device__ __forceinline__
#else
/// Always inlined: no copy compiled for a wide SIMD level may serve the others.
#define EZNAS_HOST_DEVICE inline __attribute__((always_inline))
#endif
