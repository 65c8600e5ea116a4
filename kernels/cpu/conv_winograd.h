#pragma once
// Winograd's minimal filtering (Lavin & Gray, Fast algorithms for convolutional neural networks, 2016) for dense 3×3
// convolutions of stride 1: per tile of 2×2 outputs and pair of channels 16 products, where the direct sum has 36.
//
// Tiles are numbered through all images, row by row, and taken in chunks. Per axis, the inputs d under a tile become
// d0 − d2, d1 + d2, d2 − d1, d1 − d3. Neither output reads what is not in its own window of three, so no infinity and
// no rounding error crosses from one window to the next, and a window of zeros gives exact zeros.
#include "kernels/cpu/conv_tiles.h"

namespace eznas::EZNAS_ISA {

inline constexpr int kWinogradProducts = 16;

/// Whether a map is worth cutting into tiles: the last row and column of an odd one are computed twice.
[[gnu::always_inline]] inline bool winogradPays(int rows, int cols) {
  const int tiles = ((rows + 1) / 2) * ((cols + 1) / 2);
  return tiles >= 4 && 64 * tiles <= 27 * rows * cols;
}

/// Floats of the weights that winogradPack writes, and of those it reads.
[[gnu::always_inline]] inline size_t winogradPackedSize(int inChannels, int outChannels) {
  return static_cast<size_t>(blocksOf(inChannels)) * blocksOf(outChannels) * kWinogradProducts * kWeightBlock;
}
[[gnu::always_inline]] inline size_t directPackedSize(int inChannels, int outChannels) {
  return static_cast<size_t>(blocksOf(inChannels)) * blocksOf(outChannels) * 9 * kWeightBlock;
}
/// Floats of scratch that a sweep needs.
size_t winogradScratchSize(int inChannels);
/// direct: as Sweep::weights. packed: [out block][16 products][in block][16 in][16 out].
void winogradPack(int inChannels, int outChannels, const float* direct, float* packed);
/// runSweep for sweeps with Winograd weights.
void runWinograd(const Sweep& s, const float* bias, bool accumulate, double* sums, double* squares);

}  // namespace eznas::EZNAS_ISA
