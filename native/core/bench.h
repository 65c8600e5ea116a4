#pragma once
#include <vector>

#include "kernels/cpu/network_kernels.h"
#include "native/core/thread_pool.h"

namespace eznas {

/// Multiply-add peak in floating-point operations per second, `threads` running at once, at the SIMD level in use.
double measurePeak(int threads, JobControl& control);

/// Bytes per second of copying arrays far larger than the caches (each byte read and each byte written counts).
double measureBandwidth(int threads, JobControl& control);

enum class ConvDirection { forward, backwardData, backwardWeights };

/// Seconds of each of `repeats` runs of one convolution kernel on one thread, after one that is not counted. Weights
/// are packed before, as the executor does once per network.
std::vector<double> timeConvolution(const ConvShape& shape, int batch, int h, int w, ConvDirection direction,
                                    int repeats, JobControl& control);

/// Floating-point operations of one run (2 per multiply-add; the same for the three directions).
double convolutionOperations(const ConvShape& shape, int batch, int h, int w);

}  // namespace eznas
