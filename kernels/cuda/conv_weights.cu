// Gradients of convolution weights: channels of the outer gradient × (channels of the source, tap), summed over
// pixels. A fragment of the outer gradient serves all taps; the patch of the source lies in shared memory once. The
// warps of a block take pixels in turn and add their sums pairwise at the end.
#include "kernels/cuda/conv_weights.h"

#include "kernels/cuda/conv_patch.h"
#include "kernels/cuda/indexing.h"
#include "kernels/cuda/intrinsics.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/mma.h"

namespace eznas::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;
/// Fragments of 8 source channels at one tap that a block sums up: tiles of channels × taps.
constexpr int kSlots = 9;

/// Where the slots' fragments begin in the patch, which is below 2¹⁶ floats: two in a register, since sums take so
/// many.
struct Slots {
  uint32_t pairs[(kSlots + 1) / 2];
  __device__ __forceinline__ int operator[](int slot) const {
    return static_cast<int>(pairs[slot / 2] >> (slot % 2 * 16) & 0xffffu);
  }
};

/// The slots' tiles of channels and taps, in order.
struct SlotCounter {
  int tile = 0, row = 0, col = 0;
  __device__ __forceinline__ void next(const ConvWeights& s) {
    if (++col < s.blockTapCols) return;
    col = 0;
    if (++row < s.blockTapRows) return;
    row = 0;
    ++tile;
  }
};

struct Place {
  int split, group, outerTile, sourceBlock, tapRow, tapCol;
};

__device__ __forceinline__ Place placeOf(const ConvWeights& s) {
  Place p;
  int rest = static_cast<int>(blockIdx.x);
  p.tapCol = takeRest(rest, s.tapColBlockCount) * s.blockTapCols;
  p.tapRow = takeRest(rest, s.tapRowBlockCount) * s.blockTapRows;
  p.sourceBlock = takeRest(rest, s.sourceBlockCount);
  p.outerTile = takeRest(rest, s.outerTileCount);
  p.group = takeRest(rest, s.groupCount);
  p.split = rest;
  return p;
}

/// First pixel of a tile.
struct Origin {
  int image, row, col;
};
__device__ __forceinline__ Origin originOf(const ConvWeights& s, int tile) {
  Origin o;
  o.col = takeRest(tile, s.colTileCount) * s.tileCols;
  o.row = takeRest(tile, s.rowTileCount) * s.tileRows;
  o.image = tile * s.tileImages;
  return o;
}

/// Starts copying the outer gradient of a tile: [channel][pixel], zeros past channels and pixels that exist.
template <int kChannels, int kPixels>
__device__ __forceinline__ void copyOuter(const ConvWeights& s, const Place& at, const Origin& o, const float* outer,
                                          float* to) {
  const int step = s.outerVectors ? 4 : 1;
  const int pieces = kPixels / step;  // a power of two
  for (int i = static_cast<int>(threadIdx.x); i < kChannels * pieces; i += kThreads) {
    const int channel = i / pieces, pixel = i % pieces * step;
    int image = pixel;
    const int within = takeRest(image, s.tilePixels);
    int row = within;
    const int col = takeRest(row, s.tileWidth);
    const int n = o.image + image, y = o.row + row, x = o.col + col, c = at.outerTile * kChannels + channel;
    const bool valid = image < s.tileImages && n < s.batch && y < s.outerH && x < s.outerW && c < s.groupOuters;
    const size_t from = static_cast<size_t>(n * s.outerChannels + at.group * s.groupOuters + c) *
                            static_cast<size_t>(s.outerH * s.outerW) +
                        static_cast<size_t>(y * s.outerW + x);
    float* place = to + channel * (kPixels + 4) + pixel;
    if (s.outerVectors)
      copyAsync16(place, valid ? outer + from : outer, valid);
    else
      copyAsync4(place, valid ? outer + from : outer, valid);
  }
}

/// Where the pixels of a tile lie in the patch; −1 for those that do not exist.
template <int kPixels>
__device__ __forceinline__ void writeOffsets(const ConvWeights& s, const Origin& o, int* offsets) {
  const int pixel = static_cast<int>(threadIdx.x);
  if (pixel >= kPixels) return;
  int image = pixel;
  int row = takeRest(image, s.tilePixels);
  const int col = takeRest(row, s.tileWidth);
  const bool valid =
      image < s.tileImages && o.image + image < s.batch && o.row + row < s.outerH && o.col + col < s.outerW;
  const int rowStep = s.oneTap ? 1 : s.rowStep, colStep = s.oneTap ? 1 : s.colStep;
  offsets[pixel] = valid ? (image * s.patchRows + row * rowStep) * s.rowPitch + col * colStep + s.patchShift : -1;
}

/// Adds the products of eight pixels.
template <int kM, int kPitch>
__device__ __forceinline__ void multiplyTf32(const ConvWeights& s, const float* outer, const int* offsets,
                                             const float* patch, const Slots& slots, int slotCount,
                                             float (&sums)[kSlots][kM][4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4, t = lane % 4;
  uint32_t left[kM][4];
#pragma unroll
  for (int m = 0; m < kM; ++m) {
    const float* w = outer + (16 * m + g) * kPitch + t;
    left[m][0] = toTf32(w[0]);
    left[m][1] = toTf32(w[8 * kPitch]);
    left[m][2] = toTf32(w[4]);
    left[m][3] = toTf32(w[8 * kPitch + 4]);
  }
  const int low = offsets[t], high = offsets[t + 4];
  const float* channel = patch + g * s.planePitch;
#pragma unroll
  for (int slot = 0; slot < kSlots; ++slot) {
    if (slot >= slotCount) break;
    const uint32_t right[2] = {low < 0 ? 0u : __float_as_uint(channel[slots[slot] + low]),
                               high < 0 ? 0u : __float_as_uint(channel[slots[slot] + high])};
#pragma unroll
    for (int m = 0; m < kM; ++m) mmaTf32(sums[slot][m], left[m], right);
  }
}

template <int kM, int kPitch>
__device__ __forceinline__ void multiplyFloat32(const ConvWeights& s, const float* outer, const int* offsets,
                                                const float* patch, const Slots& slots, int slotCount,
                                                float (&sums)[kSlots][kM][4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4, t = lane % 4;
  const float* channel = patch + 2 * t * s.planePitch;
  for (int k = 0; k < 8; ++k) {
    const int offset = offsets[k];
    if (offset < 0) continue;
    float left[kM][2];
#pragma unroll
    for (int m = 0; m < kM; ++m) {
      const float* w = outer + (16 * m + g) * kPitch + k;
      left[m][0] = w[0], left[m][1] = w[8 * kPitch];
    }
#pragma unroll
    for (int slot = 0; slot < kSlots; ++slot) {
      if (slot >= slotCount) break;
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const float right = channel[slots[slot] + offset + e * s.planePitch];
#pragma unroll
        for (int m = 0; m < kM; ++m) {
          sums[slot][m][e] = __fmaf_rn(left[m][0], right, sums[slot][m][e]);
          sums[slot][m][2 + e] = __fmaf_rn(left[m][1], right, sums[slot][m][2 + e]);
        }
      }
    }
  }
}

/// Adds the warps' sums pairwise and leaves them in shared memory, [slot][m][lane].
template <int kM>
__device__ __forceinline__ void addWarps(float4* shared, float (&sums)[kSlots][kM][4]) {
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const auto put = [&](float4* place) {
#pragma unroll
    for (int j = 0; j < kSlots * kM; ++j) {
      const float(&v)[4] = sums[j / kM][j % kM];
      place[j * 32] = make_float4(v[0], v[1], v[2], v[3]);
    }
  };
  for (int half = kWarps / 2; half > 0; half /= 2) {
    float4* place = shared + (warp % half) * kSlots * kM * 32 + lane;
    if (warp >= half && warp < 2 * half) put(place);
    __syncthreads();
    if (warp < half) {
#pragma unroll
      for (int j = 0; j < kSlots * kM; ++j) {
        const float4 other = place[j * 32];
        float(&v)[4] = sums[j / kM][j % kM];
        v[0] += other.x, v[1] += other.y, v[2] += other.z, v[3] += other.w;
      }
    }
    __syncthreads();
  }
  if (warp == 0) put(shared + lane);
  __syncthreads();
}

/// Writes a block's sums from shared memory to the gradient, or to the sums of its split.
template <int kM>
__device__ __forceinline__ void writeSums(const ConvWeights& s, const ConvWeightsItem& item, const float* sums) {
  const Place at = placeOf(s);
  float* out = s.splits > 1 ? item.partials + static_cast<size_t>(at.split) * s.weights() : item.gradient;
  const int taps = s.blockTapRows * s.blockTapCols, sources = 8 * s.sourceTiles;
  for (int j = static_cast<int>(threadIdx.x); j < 16 * kM * sources * taps; j += kThreads) {
    const int tap = j % taps, source = j / taps % sources, outer = j / (taps * sources);
    const int a = at.tapRow + tap / s.blockTapCols, b = at.tapCol + tap % s.blockTapCols;
    const int o = at.outerTile * 16 * kM + outer, i = at.sourceBlock * sources + source;
    if (a >= s.kernelRows || b >= s.kernelCols || o >= s.groupOuters || i >= s.groupSources) continue;
    const int fragment = (source / 8 * taps + tap) * kM + outer / 16;
    const int lane = outer % 8 * 4 + source % 8 / 2, element = outer % 16 / 8 * 2 + source % 2;
    const size_t row = static_cast<size_t>(at.group * s.groupOuters + o) * static_cast<size_t>(s.groupSources) +
                       static_cast<size_t>(i);
    out[(row * static_cast<size_t>(s.kernelRows) + static_cast<size_t>(a)) * static_cast<size_t>(s.kernelCols) +
        static_cast<size_t>(b)] = sums[(fragment * 32 + lane) * 4 + element];
  }
}

template <int kM, bool kTf32>
__global__ void __launch_bounds__(kThreads, kM == 2 && !kTf32 ? 1 : 2)
    convWeights(ConvWeights s, const ConvWeightsItem* items) {
  EZNAS_DYNAMIC_SHARED(float, shared);
  constexpr int kChannels = 16 * kM, kPixels = 256 / kM, kPitch = kPixels + 4;
  const float *const source = items[blockIdx.y].source, *const outer = items[blockIdx.y].outer;
  const Place at = placeOf(s);
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int outerFloats = kChannels * kPitch, bufferFloats = s.bufferFloats();

  const int slotCount = s.blockTapRows * s.blockTapCols * s.sourceTiles;
  Slots slots{};
  SlotCounter counter;
#pragma unroll
  for (int slot = 0; slot < kSlots; ++slot, counter.next(s)) {
    if (slot >= slotCount) break;
    const int start =
        counter.tile * 8 * s.planePitch + counter.row * s.tapRowStep * s.rowPitch + counter.col * s.tapColStep;
    slots.pairs[slot / 2] |= static_cast<uint32_t>(start) << (slot % 2 * 16);
  }
  float sums[kSlots][kM][4];
#pragma unroll
  for (int j = 0; j < kSlots * kM * 4; ++j) sums[j / (4 * kM)][j / 4 % kM][j % 4] = 0;

  if (s.vectors) {
    for (int b = 0; b < s.buffers; ++b) clearPatch(s, shared + b * bufferFloats + outerFloats);
    __syncthreads();
  }
  const auto fetch = [&](int tile) {
    float* buffer = shared + tile % s.buffers * bufferFloats;
    const Origin o = originOf(s, tile);
    copyOuter<kChannels, kPixels>(s, at, o, outer, buffer);
    const Patch patch{at.group * s.groupSources,
                      s.groupSources,
                      at.sourceBlock * 8 * s.sourceTiles,
                      8 * s.sourceTiles,
                      o.image,
                      s.sourceRow + o.row * s.rowStep + at.tapRow * s.tapRowStep,
                      s.sourceCol + o.col * s.colStep + at.tapCol * s.tapColStep};
    copyPatch(s, patch, source, buffer + outerFloats);
    commitAsync();
    writeOffsets<kPixels>(s, o, reinterpret_cast<int*>(buffer + outerFloats + s.patchFloats()));
  };
  const int first = at.split * s.splitTiles, end = min(first + s.splitTiles, s.pixelTiles);
  const int steps = (s.tileImages * static_cast<int>(s.tilePixels.divisor) + 7) / 8;
  if (first < end) fetch(first);
  for (int tile = first; tile < end; ++tile) {
    if (s.buffers > 1 && tile + 1 < end) {
      fetch(tile + 1);
      waitAsync<1>();
    } else {
      waitAsync<0>();
    }
    __syncthreads();
    const float* gradients = shared + tile % s.buffers * bufferFloats;
    float* patch = shared + tile % s.buffers * bufferFloats + outerFloats;
    const int* offsets = reinterpret_cast<const int*>(patch + s.patchFloats());
    if (kTf32 || s.relu) {
      transformPatch<kTf32>(patch, s.patchFloats(), s.relu);
      __syncthreads();
    }
    for (int step = warp; step < steps; step += kWarps) {
      if constexpr (kTf32)
        multiplyTf32<kM, kPitch>(s, gradients + 8 * step, offsets + 8 * step, patch, slots, slotCount, sums);
      else
        multiplyFloat32<kM, kPitch>(s, gradients + 8 * step, offsets + 8 * step, patch, slots, slotCount, sums);
    }
    __syncthreads();
    if (s.buffers == 1 && tile + 1 < end) fetch(tile + 1);
  }

  addWarps<kM>(reinterpret_cast<float4*>(shared), sums);
  writeSums<kM>(s, items[blockIdx.y], shared);
}

__global__ void addSplits(int splits, size_t weights, const ConvWeightsItem* items) {
  const ConvWeightsItem item = items[blockIdx.y];
  const size_t at = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= weights) return;
  double sum = 0;
  for (int split = 0; split < splits; ++split) sum += item.partials[static_cast<size_t>(split) * weights + at];
  item.gradient[at] = static_cast<float>(sum);
}

}  // namespace

void launchConvWeights(const ConvWeights& s, const ConvWeightsItem* items, int count, bool tf32, cudaStream_t stream) {
  const int blocks = s.splits * s.groups * s.outerTiles * s.sourceBlocks * s.tapRowBlocks * s.tapColBlocks;
  const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(count));
  const auto kernel = s.wide ? (tf32 ? &convWeights<2, true> : &convWeights<2, false>)
                             : (tf32 ? &convWeights<1, true> : &convWeights<1, false>);
  launch(kernel, grid, dim3(kThreads), s.sharedBytes(), stream, s, items);
  if (s.splits == 1) return;
  constexpr unsigned kAddThreads = 128;
  launch(&addSplits, dim3(static_cast<unsigned>((s.weights() + kAddThreads - 1) / kAddThreads), grid.y),
         dim3(kAddThreads), 0, stream, s.splits, s.weights(), items);
}

}  // namespace eznas::cuda
