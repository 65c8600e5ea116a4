#pragma once
// What a device's multiprocessors do at best, all in registers: the yardstick of benches.
#include <cuda_runtime_api.h>

#include <cstdint>

namespace eznas::cuda {

enum class PeakKind : int32_t { multiplyAdd, matrixTf32 };

/// Floating-point operations of a launch; a multiply-add counts as two.
double peakOperations(PeakKind kind, int blocks, int64_t iterations);
/// Float32 multiply-adds, or tf32 products of 16×8 by 8×8 matrices on tensor cores, in independent chains long enough
/// to fill the pipelines. `out` has a float for each block.
void launchPeak(PeakKind kind, int blocks, int64_t iterations, float* out, cudaStream_t stream);

}  // namespace eznas::cuda
