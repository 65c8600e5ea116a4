#pragma once
// Gradients of convolution weights as matrix products over pixels.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/cuda/divisor.h"
#include "kernels/host_device.h"

namespace eznas::cuda {

/// gradient[o][i][a][b] = Σ over images and pixels (r, c) of
///   outer[image][o][r][c] · source[image][i][sourceRow + r·rowStep + a·tapRowStep][sourceCol + …].
/// A block makes 16 or 32 channels of the outer map × `sourceTiles` tiles of 8 channels of the source × a rectangle of
/// taps, over a range of tiles of pixels (a split); its warps share the pixels. Splits are added afterwards, in order.
struct ConvWeights {
  int32_t batch, groups;
  int32_t sourceChannels, sourceH, sourceW;  // all groups
  int32_t outerChannels, outerH, outerW;
  int32_t groupSources, groupOuters;
  int32_t kernelRows, kernelCols;
  int32_t sourceRow, sourceCol, rowStep, colStep, tapRowStep, tapColStep;

  // Tiling (native/cuda/conv_geometry.cpp).
  bool wide;  // 32 channels × 128 pixels, else 16 × 256
  int32_t tileImages, tileRows, tileCols, rowTiles, colTiles, pixelTiles;
  int32_t splitTiles, splits;          // pixel tiles of a split
  int32_t blockTapRows, blockTapCols;  // taps of a block, up to 9
  int32_t tapRowBlocks, tapColBlocks;  // to cover the kernel
  int32_t sourceTiles, sourceBlocks;   // tiles of 8 channels of a block, blocks to cover a group
  int32_t outerTiles;                  // to cover a group
  int32_t patchRows, patchCols, rowPitch, planePitch, patchShift;
  int32_t buffers;    // of shared memory
  bool oneTap;        // a block has one tap: the patch holds just the pixels that it reads
  bool vectors;       // rows of the source are copied whole, 16 bytes at a time
  bool outerVectors;  // pixels of the outer map likewise
  Divisor tilePixels, tileWidth;
  Divisor tapColBlockCount, tapRowBlockCount, sourceBlockCount, outerTileCount, groupCount, rowTileCount, colTileCount;
  Divisor copyWidth, copyRows, copyImages;
  bool relu;  // the source is taken as max(0, source), NaN kept
  bool operator==(const ConvWeights&) const = default;

  EZNAS_HOST_DEVICE int channels() const { return wide ? 32 : 16; }
  EZNAS_HOST_DEVICE int pixels() const { return wide ? 128 : 256; }
  EZNAS_HOST_DEVICE int outerFloats() const { return channels() * (pixels() + 4); }
  EZNAS_HOST_DEVICE int patchFloats() const { return 8 * sourceTiles * planePitch; }
  EZNAS_HOST_DEVICE int bufferFloats() const { return outerFloats() + patchFloats() + pixels(); }
  /// Tiles, and after them the sums of four warps: 9 fragments of 512 bytes per 16 channels.
  size_t sharedBytes() const {
    const size_t sums = size_t{4} * 9 * 512 * (wide ? 2 : 1);
    return std::max(static_cast<size_t>(buffers) * static_cast<size_t>(bufferFloats()) * sizeof(float), sums);
  }
  EZNAS_HOST_DEVICE size_t weights() const {
    return static_cast<size_t>(outerChannels) * static_cast<size_t>(groupSources * kernelRows * kernelCols);
  }
  /// Floats of the splits' sums; none where there is one split, which writes the gradient itself.
  size_t partialFloats() const { return splits > 1 ? static_cast<size_t>(splits) * weights() : 0; }
};

struct ConvWeightsItem {
  const float* source;
  const float* outer;
  float* partials;  // or nullptr with a single split
  float* gradient;
};

/// Both launches: products over splits, and their sum.
void launchConvWeights(const ConvWeights& shape, const ConvWeightsItem* items, int count, bool tf32,
                       cudaStream_t stream);

}  // namespace eznas::cuda
