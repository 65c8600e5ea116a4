// Convolution as an implicit matrix product: channels of the result × pixels, summed over channels and taps of the
// source. The patch of the source under a tile lies in shared memory once, whatever the taps, and a fragment of the
// tensor cores is gathered from it by the pixels' offsets; a fragment of eight pixels of one row meets no bank
// conflict, since channels lie 8 banks (modulo 16) apart.
#include "kernels/cuda/conv_sweep.h"

#include <cmath>

#include "kernels/cuda/conv_patch.h"
#include "kernels/cuda/indexing.h"
#include "kernels/cuda/intrinsics.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/mma.h"
#include "kernels/cuda/statistics.h"

namespace eznas::cuda {
namespace {

/// A block's warps stand kWarpsM × kWarpsN over its tile; each makes 16·kM channels × 8·kN pixels.
template <int kM_, int kN_, int kWarpsM_, int kWarpsN_>
struct Tile {
  static constexpr int kM = kM_, kN = kN_, kWarpsM = kWarpsM_, kWarpsN = kWarpsN_;
  static constexpr int kChannels = 16 * kM * kWarpsM, kThreads = 32 * kWarpsM * kWarpsN;
  static constexpr int kBlocks = kM == 1 ? 4 : 2;  // that fit on a multiprocessor by their registers
};
using Tiles = std::tuple<Tile<1, 4, 1, 8>, Tile<2, 4, 1, 8>, Tile<2, 4, 2, 4>, Tile<1, 4, 4, 2>, Tile<1, 2, 1, 4>>;

/// What a block works on.
struct Place {
  int pixelTile, group, targetTile;
  int image, row, col;  // of the tile's first pixel in the grid
};

__device__ __forceinline__ Place placeOf(const ConvSweep& s) {
  Place p;
  int rest = static_cast<int>(blockIdx.x);
  p.targetTile = takeRest(rest, s.targetTileCount);
  p.group = takeRest(rest, s.groupCount);
  p.pixelTile = rest;
  p.col = takeRest(rest, s.colTileCount) * s.tileCols;
  p.row = takeRest(rest, s.rowTileCount) * s.tileRows;
  p.image = rest * s.tileImages;
  return p;
}

/// A pixel of the tile: its place in the patch, and in a channel of the target (−1 where it lies outside).
struct Pixel {
  int image, row, col;
};
__device__ __forceinline__ Pixel pixelOf(const ConvSweep& s, int pixel) {
  Pixel p;
  p.image = pixel;
  const int within = takeRest(p.image, s.tilePixels);
  p.row = within;
  p.col = takeRest(p.row, s.tileWidth);
  return p;
}
__device__ __forceinline__ int patchOffset(const ConvSweep& s, int pixel) {
  const Pixel p = pixelOf(s, pixel);
  if (p.image >= s.tileImages) return 0;  // not used
  const int rowStep = s.oneTap ? 1 : s.rowStep, colStep = s.oneTap ? 1 : s.colStep;
  return (p.image * s.patchRows + p.row * rowStep) * s.rowPitch + p.col * colStep + s.patchShift;
}
__device__ __forceinline__ int targetOffset(const ConvSweep& s, const Place& at, int pixel) {
  const Pixel p = pixelOf(s, pixel);
  const int image = at.image + p.image, row = at.row + p.row, col = at.col + p.col;
  if (p.image >= s.tileImages || image >= s.batch || row >= s.rows || col >= s.cols) return -1;
  const int y = s.targetRow + row * s.targetRowStep, x = s.targetCol + col * s.targetColStep;
  return (image * s.targetChannels * s.targetH + y) * s.targetW + x;
}

__device__ __forceinline__ Patch patchOf(const ConvSweep& s, const Place& at, int stage) {
  const int taps = s.oneTap ? s.taps() : 1;
  const int tap = stage % taps, a = tap / s.tapCols, b = tap % s.tapCols;
  Patch p;
  p.firstChannel = at.group * s.groupSources;
  p.channels = s.groupSources;
  p.fromChannel = stage / taps * s.chunk;
  p.count = s.chunk;
  p.image = at.image;
  p.row = s.sourceRow + at.row * s.rowStep + a * s.tapRowStep;
  p.col = s.sourceCol + at.col * s.colStep + b * s.tapColStep;
  return p;
}

/// Sums of one warp: rows of channels g and g + 8, columns of pixels 2t and 2t + 1, as the tensor cores keep them.
template <class T>
using Sums = float[T::kM][T::kN][4];

/// Adds one stage by the tensor cores. weights: [tap][channel][chunk + 4]; offsets: of pixel g of each fragment.
template <class T>
__device__ __forceinline__ void multiplyTf32(const ConvSweep& s, const float* weights, const float* patch,
                                             const int (&offsets)[T::kN], Sums<T>& sums) {
  const int lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4, t = lane % 4;
  const int pitch = s.chunk + 4;
  const int rows = s.oneTap ? 1 : s.tapRows, cols = s.oneTap ? 1 : s.tapCols;
  for (int a = 0; a < rows; ++a) {
    for (int b = 0; b < cols; ++b, weights += T::kChannels * pitch) {
      const float* tap = patch + a * s.tapRowStep * s.rowPitch + b * s.tapColStep;
      for (int k = 0; k < s.chunk; k += 8) {
        uint32_t left[T::kM][4];
#pragma unroll
        for (int m = 0; m < T::kM; ++m) {
          const float* w = weights + (16 * m + g) * pitch + k + t;
          left[m][0] = __float_as_uint(w[0]);
          left[m][1] = __float_as_uint(w[8 * pitch]);
          left[m][2] = __float_as_uint(w[4]);
          left[m][3] = __float_as_uint(w[8 * pitch + 4]);
        }
        const float* low = tap + (k + t) * s.planePitch;
        const float* high = low + 4 * s.planePitch;
#pragma unroll
        for (int n = 0; n < T::kN; ++n) {
          const uint32_t right[2] = {__float_as_uint(low[offsets[n]]), __float_as_uint(high[offsets[n]])};
#pragma unroll
          for (int m = 0; m < T::kM; ++m) mmaTf32(sums[m][n], left[m], right);
        }
      }
    }
  }
}

/// The same by exact products. offsets: of pixels 2t and 2t + 1 of each fragment.
template <class T>
__device__ __forceinline__ void multiplyFloat32(const ConvSweep& s, const float* weights, const float* patch,
                                                const int (&offsets)[2 * T::kN], Sums<T>& sums) {
  const int lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4;
  const int pitch = s.chunk + 4;
  const int rows = s.oneTap ? 1 : s.tapRows, cols = s.oneTap ? 1 : s.tapCols;
  for (int a = 0; a < rows; ++a) {
    for (int b = 0; b < cols; ++b, weights += T::kChannels * pitch) {
      const float* tap = patch + a * s.tapRowStep * s.rowPitch + b * s.tapColStep;
#pragma unroll 2
      for (int k = 0; k < s.chunk; ++k, tap += s.planePitch) {
        float left[T::kM][2];
#pragma unroll
        for (int m = 0; m < T::kM; ++m) {
          const float* w = weights + (16 * m + g) * pitch + k;
          left[m][0] = w[0], left[m][1] = w[8 * pitch];
        }
#pragma unroll
        for (int n = 0; n < T::kN; ++n) {
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            const float right = tap[offsets[2 * n + e]];
#pragma unroll
            for (int m = 0; m < T::kM; ++m) {
              sums[m][n][e] = __fmaf_rn(left[m][0], right, sums[m][n][e]);
              sums[m][n][2 + e] = __fmaf_rn(left[m][1], right, sums[m][n][2 + e]);
            }
          }
        }
      }
    }
  }
}

/// Writes the sums of one channel's row of a fragment (two pixels), to the target and masked.
__device__ __forceinline__ void writePair(const ConvItem& item, size_t base, int first, int second, float v0,
                                          float v1) {
  // Pixels that follow one another at an even place make one transaction.
  if (first >= 0 && second == first + 1 && (base + static_cast<size_t>(first)) % 2 == 0) {
    const size_t at = base + static_cast<size_t>(first);
    if (item.target != nullptr) *reinterpret_cast<float2*>(item.target + at) = make_float2(v0, v1);
    if (item.mask != nullptr) {
      const float2 mask = __ldg(reinterpret_cast<const float2*>(item.mask + at));
      *reinterpret_cast<float2*>(item.masked + at) = make_float2(mask.x > 0 ? v0 : 0.0f, mask.y > 0 ? v1 : 0.0f);
    }
    return;
  }
#pragma unroll
  for (int e = 0; e < 2; ++e) {
    const int offset = e == 0 ? first : second;
    const float v = e == 0 ? v0 : v1;
    if (offset < 0) continue;
    const size_t at = base + static_cast<size_t>(offset);
    if (item.target != nullptr) item.target[at] = v;
    if (item.mask != nullptr) item.masked[at] = __ldg(item.mask + at) > 0 ? v : 0.0f;
  }
}

/// Writes a warp's sums and gathers, per row of channels, Σ and Σ² of what was written into `moments`
/// ([kWarpsN][kChannels][2], shared memory) where the item wants statistics.
template <class T>
__device__ __forceinline__ void writeSums(const ConvSweep& s, const ConvItem& item, const Place& at,
                                          const Sums<T>& sums, double* moments) {
  const int lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4, t = lane % 4;
  const int warp = static_cast<int>(threadIdx.x) / 32, warpM = warp / T::kWarpsN, warpN = warp % T::kWarpsN;
  int offsets[2 * T::kN];
#pragma unroll
  for (int n = 0; n < 2 * T::kN; ++n) offsets[n] = targetOffset(s, at, (warpN * T::kN + n / 2) * 8 + 2 * t + n % 2);
#pragma unroll
  for (int m = 0; m < T::kM; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = (warpM * T::kM + m) * 16 + half * 8 + g;
      const int o = at.targetTile * T::kChannels + row;
      const bool inside = o < s.groupTargets;
      const int channel = at.group * s.groupTargets + (inside ? o : 0);
      const float bias = item.bias != nullptr && inside ? __ldg(item.bias + channel) : 0.0f;
      const size_t base = static_cast<size_t>(channel) * static_cast<size_t>(s.targetH * s.targetW);
      double sum = 0, squares = 0;
#pragma unroll
      for (int n = 0; n < T::kN; ++n) {
        const float v0 = sums[m][n][2 * half] + bias, v1 = sums[m][n][2 * half + 1] + bias;
        if (inside) writePair(item, base, offsets[2 * n], offsets[2 * n + 1], v0, v1);
        if (item.partials != nullptr) {
          const double d0 = offsets[2 * n] >= 0 ? v0 : 0.0f, d1 = offsets[2 * n + 1] >= 0 ? v1 : 0.0f;
          sum += d0 + d1;
          squares += d0 * d0 + d1 * d1;
        }
      }
      if (item.partials == nullptr) continue;
      sum += __shfl_xor_sync(kFullMask, sum, 1);
      squares += __shfl_xor_sync(kFullMask, squares, 1);
      sum += __shfl_xor_sync(kFullMask, sum, 2);
      squares += __shfl_xor_sync(kFullMask, squares, 2);
      if (t == 0) {
        moments[(warpN * T::kChannels + row) * 2] = sum;
        moments[(warpN * T::kChannels + row) * 2 + 1] = squares;
      }
    }
  }
}

/// Partial sums of the block's channels, and, in the last block of these channels, their mean and deviation.
template <class T>
__device__ void finishStatistics(const ConvSweep& s, const ConvItem& item, const Place& at, const double* moments) {
  const int thread = static_cast<int>(threadIdx.x), first = at.targetTile * T::kChannels;
  const int channels = min(T::kChannels, s.groupTargets - first);
  const size_t base = static_cast<size_t>(at.group * s.groupTargets + first);
  if (thread < channels) {
    double sum = 0, squares = 0;
    for (int w = 0; w < T::kWarpsN; ++w) {
      sum += moments[(w * T::kChannels + thread) * 2];
      squares += moments[(w * T::kChannels + thread) * 2 + 1];
    }
    double* out = item.partials + 2 * (static_cast<size_t>(at.pixelTile) * s.targetChannels + base + thread);
    out[0] = sum, out[1] = squares;
  }
  if (!lastToArrive(item.arrivals + at.group * s.targetTiles + at.targetTile, s.pixelTiles)) return;
  constexpr int kShare = T::kThreads / T::kChannels;  // threads per channel, neighbours
  const int channel = thread / kShare;
  double sum = 0, squares = 0;
  if (channel < channels) {
    const double* in = item.partials + 2 * (base + static_cast<size_t>(channel));
    for (int p = thread % kShare; p < s.pixelTiles; p += kShare) {
      const double* pair = in + 2 * static_cast<size_t>(p) * s.targetChannels;
      sum += __ldcg(pair), squares += __ldcg(pair + 1);
    }
  }
#pragma unroll
  for (int distance = kShare / 2; distance > 0; distance /= 2) {
    sum += __shfl_xor_sync(kFullMask, sum, distance);
    squares += __shfl_xor_sync(kFullMask, squares, distance);
  }
  if (channel >= channels || thread % kShare != 0) return;
  const double count = static_cast<double>(s.batch) * s.targetH * s.targetW;
  writeNormalization(sum / count, squares / count, 0, item.mean + base + channel, item.inverseStd + base + channel);
}

template <class T, bool kTf32>
__global__ void __launch_bounds__(T::kThreads, T::kBlocks) convSweep(ConvSweep s, const ConvItem* items) {
  EZNAS_DYNAMIC_SHARED(float, shared);
  const ConvItem item = items[blockIdx.y];
  const Place at = placeOf(s);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int warpM = warp / T::kWarpsN, warpN = warp % T::kWarpsN;
  const int weightFloats = s.weightFloats(), bufferFloats = weightFloats + s.patchFloats();

  constexpr int kOffsets = kTf32 ? T::kN : 2 * T::kN;
  int offsets[kOffsets];
#pragma unroll
  for (int n = 0; n < kOffsets; ++n)
    offsets[n] = patchOffset(
        s, kTf32 ? (warpN * T::kN + n) * 8 + lane / 4 : (warpN * T::kN + n / 2) * 8 + 2 * (lane % 4) + n % 2);
  Sums<T> sums;
#pragma unroll
  for (int m = 0; m < T::kM; ++m)
#pragma unroll
    for (int n = 0; n < T::kN; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) sums[m][n][e] = 0;

  if (s.vectors) {
    for (int b = 0; b < s.buffers; ++b) clearPatch(s, shared + b * bufferFloats + weightFloats);
    __syncthreads();
  }
  const float* packed = item.weights + static_cast<size_t>(at.group * s.targetTiles + at.targetTile) *
                                           static_cast<size_t>(s.stages) * static_cast<size_t>(weightFloats);
  const auto fetch = [&](int stage) {
    float* buffer = shared + stage % s.buffers * bufferFloats;
    copyVectors(packed + static_cast<size_t>(stage) * static_cast<size_t>(weightFloats), buffer, weightFloats);
    copyPatch(s, patchOf(s, at, stage), item.source, buffer + weightFloats);
    commitAsync();
  };
  if (s.stages > 0) fetch(0);
  for (int stage = 0; stage < s.stages; ++stage) {
    if (s.buffers > 1 && stage + 1 < s.stages) {
      fetch(stage + 1);
      waitAsync<1>();
    } else {
      waitAsync<0>();
    }
    __syncthreads();
    float* weights = shared + stage % s.buffers * bufferFloats;
    float* patch = weights + weightFloats;
    if (kTf32 || s.relu) {
      transformPatch<kTf32>(patch, s.patchFloats(), s.relu);
      __syncthreads();
    }
    const float* rows = weights + warpM * 16 * T::kM * (s.chunk + 4);
    if constexpr (kTf32)
      multiplyTf32<T>(s, rows, patch, offsets, sums);
    else
      multiplyFloat32<T>(s, rows, patch, offsets, sums);
    __syncthreads();
    if (s.buffers == 1 && stage + 1 < s.stages) fetch(stage + 1);
  }

  double* moments = reinterpret_cast<double*>(shared);
  writeSums<T>(s, item, at, sums, moments);
  if (item.partials == nullptr) return;
  __syncthreads();
  finishStatistics<T>(s, item, at, moments);
}

/// One packed float per thread.
template <bool kTf32>
__global__ void convPack(ConvSweep s, ConvPacking packing, const ConvPackItem* items) {
  const ConvPackItem item = items[blockIdx.y];
  const size_t total = s.packedFloats();
  const size_t at = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= total) return;
  size_t rest = at;
  const auto take = [&](int count) {
    const auto part = static_cast<int>(rest % static_cast<size_t>(count));
    rest /= static_cast<size_t>(count);
    return part;
  };
  const int k = take(s.chunk + 4), m = take(s.tileChannels);
  const int tap = take(s.taps()), chunk = take(s.stages / (s.taps() / s.stageTaps()));
  const int targetTile = take(s.targetTiles), group = static_cast<int>(rest);
  const int i = chunk * s.chunk + k, o = targetTile * s.tileChannels + m;
  float value = 0;
  if (k < s.chunk && i < s.groupSources && o < s.groupTargets) {
    const int a = tap / s.tapCols, b = tap % s.tapCols;
    value = __ldg(item.weights + static_cast<size_t>(group) * packing.groupStep +
                  static_cast<size_t>(o) * packing.targetStep + static_cast<size_t>(i) * packing.sourceStep +
                  packing.firstTap + a * packing.tapRowStep + b * packing.tapColStep);
  }
  item.packed[at] = kTf32 ? __uint_as_float(toTf32(value)) : value;
}

template <class T>
void launchTile(const ConvSweep& s, const ConvItem* items, int count, bool tf32, cudaStream_t stream) {
  static_assert(T::kThreads % T::kChannels == 0);
  const dim3 grid(static_cast<unsigned>(s.pixelTiles * s.groups * s.targetTiles), static_cast<unsigned>(count));
  launch(tf32 ? &convSweep<T, true> : &convSweep<T, false>, grid, dim3(T::kThreads), s.sharedBytes(), stream, s, items);
}

}  // namespace

void launchConvSweep(const ConvSweep& s, const ConvItem* items, int count, bool tf32, cudaStream_t stream) {
  switch (s.tile) {
    case SweepTile::c16p256:
      return launchTile<std::tuple_element_t<0, Tiles>>(s, items, count, tf32, stream);
    case SweepTile::c32p256:
      return launchTile<std::tuple_element_t<1, Tiles>>(s, items, count, tf32, stream);
    case SweepTile::c64p128:
      return launchTile<std::tuple_element_t<2, Tiles>>(s, items, count, tf32, stream);
    case SweepTile::c64p64:
      return launchTile<std::tuple_element_t<3, Tiles>>(s, items, count, tf32, stream);
    case SweepTile::c16p64:
      return launchTile<std::tuple_element_t<4, Tiles>>(s, items, count, tf32, stream);
  }
}

void launchConvPack(const ConvSweep& s, const ConvPacking& packing, const ConvPackItem* items, int count, bool tf32,
                    cudaStream_t stream) {
  constexpr unsigned kThreads = 256;
  const dim3 grid(static_cast<unsigned>((s.packedFloats() + kThreads - 1) / kThreads), static_cast<unsigned>(count));
  launch(tf32 ? &convPack<true> : &convPack<false>, grid, dim3(kThreads), 0, stream, s, packing, items);
}

}  // namespace eznas::cuda
