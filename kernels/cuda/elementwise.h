#pragma once
// Passes over memory: sums with batch normalization, products, copies, fills, differences.
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/divisor.h"
#include "kernels/host_device.h"

namespace eznas::cuda {

/// A map of batch × channels × pixels numbers.
struct MapShape {
  int32_t batch, channels, pixels;
  Divisor pixelCount, channelCount;

  MapShape() = default;
  MapShape(int b, int c, int p) : batch(b), channels(c), pixels(p), pixelCount(p), channelCount(c) {}
  bool operator==(const MapShape&) const = default;
  EZNAS_HOST_DEVICE int64_t elements() const { return int64_t{batch} * channels * pixels; }
};

/// x, or (x − mean) · inverseStd per channel where these are given, and that · scale + shift where those are.
struct SumTerm {
  const float* x;
  const float* mean;
  const float* inverseStd;
  const float* scale;
  const float* shift;
};
/// y = ((terms[0] + terms[1]) + terms[2]) + …, each operation rounded: the same bits however a sum is cut into
/// launches.
struct SumItem {
  float* y;  // may be one of the terms
  const SumTerm* terms;
  int32_t count;  // at least 1
};
void launchSum(const MapShape& shape, const SumItem* items, int count, cudaStream_t stream);

/// y = x ⊙ factor. The factor has x's shape, or is `gate`s: one number per image and channel.
struct ProductItem {
  const float* x;
  const float* factor;
  float* y;
};
void launchMultiply(const MapShape& shape, bool gate, const ProductItem* items, int count, cudaStream_t stream);

/// The gradient of gates: Σ over the pixels of each image and channel of x ⊙ factor, a map too, in float64.
void launchProductSums(const MapShape& shape, const ProductItem* items, int count, cudaStream_t stream);

/// A box of batch × channels × height × width numbers; distances in floats.
struct Region {
  int32_t batch, channels, height, width;
  int32_t fromImage, fromChannel, fromRow, toImage, toChannel, toRow;
  bool operator==(const Region&) const = default;
};
struct CopyItem {
  const float* from;  // first number of the box
  float* to;
};
void launchCopyRegion(const Region& region, const CopyItem* items, int count, cudaStream_t stream);

/// All numbers of a map become the value.
struct FillItem {
  float* y;
};
void launchFill(const MapShape& shape, float value, const FillItem* items, int count, cudaStream_t stream);

/// y −= less, of any size each. A block takes kSubtractTile numbers; firstTile counts the tiles of the items before.
inline constexpr int kSubtractTile = 4096;
struct SubtractItem {
  float* y;
  const float* less;
  int64_t count;
  int64_t firstTile;
};
void launchSubtract(const SubtractItem* items, int count, int64_t tiles, cudaStream_t stream);

}  // namespace eznas::cuda
