#pragma once
// The one inner machine of dense convolution: forward, and the gradient of the input (per phase of the stride), are
// both sweeps over an output grid in which every pixel sums taps of an input grid.
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {

inline constexpr int kWeightBlock = kLanes * kLanes;  // floats of the weights of one tap between two channel blocks

/// y[out block][row][col] (+)= Σ over in blocks and taps of x[in block][pixel under (row, col) + tap] · weights.
/// All strides count floats.
struct Sweep {
  const float* x = nullptr;  // image 0, block 0, the pixel under output (0, 0) and the first tap
  ptrdiff_t xImage = 0, xBlock = 0;
  ptrdiff_t xRow = 0, xCol = 0;      // between the pixels under neighbouring outputs
  ptrdiff_t tapRow = 0, tapCol = 0;  // between neighbouring taps
  float* y = nullptr;                // image 0, block 0, output (0, 0)
  ptrdiff_t yImage = 0, yBlock = 0, yRow = 0, yCol = 0;
  int images = 0, rows = 0, cols = 0;
  int inChannels = 0, outChannels = 0, tapRows = 0, tapCols = 0;
  const float* weights = nullptr;   // [out block][in block][tapRows][tapCols][16 in][16 out]
  const float* winograd = nullptr;  // 3×3 neighbouring taps at stride 1: the weights that winogradPack makes of these
  float* scratch = nullptr;         // where winograd is given: winogradScratchSize floats
};

/// Runs the sweep, by Winograd's algorithm where its weights are given and it pays. accumulate: y is added to, else it
/// starts from bias (outChannels floats, or nullptr for zero). Where sums is not nullptr, writes Σ y and Σ y² per
/// output channel, in float64.
void runSweep(const Sweep& s, const float* bias, bool accumulate, double* sums, double* squares);

}  // namespace eznas::EZNAS_ISA
