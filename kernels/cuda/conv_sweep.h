#pragma once
// Convolution as an implicit matrix product on tensor cores: forward passes and gradients of inputs.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/cuda/divisor.h"
#include "kernels/host_device.h"

namespace eznas::cuda {

/// Blocks' tiles: channels of the result × pixels.
enum class SweepTile : int32_t { c16p256, c32p256, c64p128, c64p64, c16p64 };
inline constexpr int kSweepTileCount = 5;
struct SweepTileSize {
  int channels, pixels, threads;
};
inline constexpr SweepTileSize kSweepTileSizes[kSweepTileCount] = {
    {16, 256, 256}, {32, 256, 256}, {64, 128, 256}, {64, 64, 256}, {16, 64, 128}};

/// A grid of target pixels, each of which sums over taps and channels of the source:
///   target[image][o][targetRow + r·targetRowStep][targetCol + c·targetColStep] =
///     Σ_{i, a, b} W[o][i][a][b] · source[image][i][sourceRow + r·rowStep + a·tapRowStep][sourceCol + …]
/// per group of channels, where positions outside the source count as zero. A block makes one tile: channels of the
/// result × images × rows × columns. It goes through stages: `chunk` channels of the source, with all taps or with one,
/// whose weights and patch of the source are copied to shared memory while the stage before is multiplied.
struct ConvSweep {
  int32_t batch, groups;
  int32_t sourceChannels, sourceH, sourceW;  // all groups
  int32_t targetChannels, targetH, targetW;
  int32_t groupSources, groupTargets;  // channels per group
  int32_t rows, cols;                  // the grid
  int32_t targetRow, targetCol, targetRowStep, targetColStep;
  int32_t sourceRow, sourceCol, rowStep, colStep;
  int32_t tapRows, tapCols, tapRowStep, tapColStep;

  // Tiling (native/cuda/conv_geometry.cpp).
  SweepTile tile;
  int32_t tileChannels;
  int32_t tileImages, tileRows, tileCols;              // extent of a tile
  int32_t rowTiles, colTiles, pixelTiles;              // tiles along the grid's axes, and in all with those of images
  int32_t targetTiles;                                 // tiles of a group's result channels
  int32_t chunk, stages, buffers;                      // buffers of shared memory: 1 where there is one stage
  bool oneTap;                                         // a stage has one tap, else all
  bool vectors;                                        // rows of the source are copied whole, 16 bytes at a time
  int32_t patchRows, patchCols, rowPitch, planePitch;  // patch of one image; floats between rows and channels
  int32_t patchShift;                                  // columns of the patch before sourceCol
  Divisor tilePixels, tileWidth;                       // rows·cols and cols of a tile
  Divisor targetTileCount, groupCount, rowTileCount, colTileCount;
  Divisor copyWidth, copyRows, copyImages;  // pieces of a row that are copied, rows, images
  bool relu;                                // the source is taken as max(0, source), NaN kept
  bool operator==(const ConvSweep&) const = default;

  EZNAS_HOST_DEVICE int taps() const { return tapRows * tapCols; }
  EZNAS_HOST_DEVICE int stageTaps() const { return oneTap ? 1 : taps(); }
  /// Floats of one stage's weights, [tap][channels of the tile][chunk + 4].
  EZNAS_HOST_DEVICE int weightFloats() const { return stageTaps() * tileChannels * (chunk + 4); }
  EZNAS_HOST_DEVICE int patchFloats() const { return chunk * planePitch; }
  size_t stageBytes() const { return static_cast<size_t>(weightFloats() + patchFloats()) * sizeof(float); }
  /// Stages, and after them the warps' sums for statistics.
  size_t sharedBytes() const {
    const size_t moments =
        static_cast<size_t>(kSweepTileSizes[static_cast<int>(tile)].threads / 32 * tileChannels) * 2 * sizeof(double);
    return std::max(static_cast<size_t>(buffers) * stageBytes(), moments);
  }
  /// Floats of a convolution's packed weights: [group][tile of targets][stage], each as above.
  EZNAS_HOST_DEVICE size_t packedFloats() const {
    return static_cast<size_t>(groups) * static_cast<size_t>(targetTiles) * static_cast<size_t>(stages) *
           static_cast<size_t>(weightFloats());
  }
  /// Float64 numbers of the partial sums behind mean and inverseStd.
  size_t partialDoubles() const { return 2 * static_cast<size_t>(pixelTiles) * static_cast<size_t>(targetChannels); }
};

/// One network's tensors; those of each row are of equal shape for all items of a launch.
struct ConvItem {
  const float* source;
  const float* weights;  // packed
  const float* bias;     // or nullptr
  float* target;         // or nullptr, where only `masked` is wanted
  const float* mask;     // of the target's shape, or nullptr: then masked = result ⊙ [mask > 0]
  float* masked;
  // Or all nullptr: mean and 1/√(variance + 1e-5) of the result per channel, over batch and positions (float64 sums).
  double* partials;
  unsigned* arrivals;  // [groups·targetTiles], zero before and after
  float* mean;
  float* inverseStd;
};

/// How packed weights are made of a row-major tensor: element [group][o][i][a][b] stands at
/// group·groupStep + o·targetStep + i·sourceStep + firstTap + a·tapRowStep + b·tapColStep.
struct ConvPacking {
  int32_t groupStep, targetStep, sourceStep, firstTap, tapRowStep, tapColStep;
  bool operator==(const ConvPacking&) const = default;
};
struct ConvPackItem {
  const float* weights;
  float* packed;
};

/// Items are in device memory; `count` of them, up to 65,535. tf32 or exact products; float32 sums.
void launchConvSweep(const ConvSweep& sweep, const ConvItem* items, int count, bool tf32, cudaStream_t stream);
/// Weights are rounded to tf32 where the sweep will use it.
void launchConvPack(const ConvSweep& sweep, const ConvPacking& packing, const ConvPackItem* items, int count, bool tf32,
                    cudaStream_t stream);

}  // namespace eznas::cuda
