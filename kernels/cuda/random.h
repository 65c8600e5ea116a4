#pragma once
// Normal random numbers on the device, the same bits as the CPU's (kernels/random.h).
#include <cuda_runtime_api.h>

#include <cstdint>

namespace eznas::cuda {

/// out[i] = (base ? base[i] : 0) + scale · z(seed, network, tensor, i) for i in [0, count), z ~ N(0, 1); zeros where
/// scale is zero. A block makes kNormalTile numbers; firstTile counts the tiles of the items before.
inline constexpr int kNormalTile = 1024;
struct NormalItem {
  float* out;         // 16-byte aligned
  const float* base;  // 16-byte aligned, or nullptr
  uint64_t network;
  int64_t count;
  int64_t firstTile;
  uint32_t tensor;
  float scale;
};
void launchNormal(uint64_t seed, const NormalItem* items, int count, int64_t tiles, cudaStream_t stream);

}  // namespace eznas::cuda
