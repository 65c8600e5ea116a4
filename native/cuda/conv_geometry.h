#pragma once
// How convolutions are cut into tiles for the kernels of kernels/cuda/conv_*.
#include <vector>

#include "kernels/cpu/network_kernels.h"
#include "kernels/cuda/conv_sweep.h"
#include "kernels/cuda/conv_weights.h"

namespace eznas::cuda {

/// Shared memory that a block may take, bytes: two blocks fit on a multiprocessor of sm_80 and sm_90, one on the
/// others.
inline constexpr size_t kSharedLimit = 96 << 10;

struct SweepAndPacking {
  ConvSweep sweep;
  ConvPacking packing;
};

/// y = conv(x), of x of batch × inChannels × h × w, or of max(0, x).
SweepAndPacking forwardSweep(const ConvShape& shape, int batch, int h, int w, bool relu);
/// gx = convᵀ(gy): one sweep for each of the stride's phases, which together write every pixel of gx once. Phases that
/// no tap reaches have no stages and write zeros.
std::vector<SweepAndPacking> backwardSweeps(const ConvShape& shape, int batch, int h, int w);
ConvWeights weightGradient(const ConvShape& shape, int batch, int h, int w, bool relu);

}  // namespace eznas::cuda
