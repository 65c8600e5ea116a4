#pragma once
// The patch of a source under a tile of a convolution, copied to shared memory: [channel][image][row][column].
#include <cuda_runtime.h>

#include "kernels/cuda/indexing.h"
#include "kernels/cuda/intrinsics.h"
#include "kernels/cuda/mma.h"

namespace eznas::cuda {

/// Which part of the source: channels [fromChannel, fromChannel + count) of the `channels` that start at firstChannel,
/// and the position of the patch's first pixel.
struct Patch {
  int firstChannel, channels, fromChannel, count;
  int image, row, col;
};

/// Starts copying a multiple of four floats, 16-byte aligned on both sides.
__device__ __forceinline__ void copyVectors(const float* from, float* to, int floats) {
  for (int i = 4 * static_cast<int>(threadIdx.x); i < floats; i += 4 * static_cast<int>(blockDim.x))
    copyAsync16(to + i, from + i);
}

/// Zeros where vectors are copied: the columns beside them stay so.
template <class Shape>
__device__ __forceinline__ void clearPatch(const Shape& s, float* patch) {
  for (int i = 4 * static_cast<int>(threadIdx.x); i < s.patchFloats(); i += 4 * static_cast<int>(blockDim.x))
    *reinterpret_cast<float4*>(patch + i) = make_float4(0, 0, 0, 0);
}

/// Starts copying. Whole rows of the source, 16 bytes at a time, of a cleared patch; or all positions of the patch one
/// by one, zeros outside the source.
template <class Shape>
__device__ __forceinline__ void copyPatch(const Shape& s, const Patch& p, const float* source, float* patch) {
  const int pieces = p.count * s.tileImages * s.patchRows * static_cast<int>(s.copyWidth.divisor);
  const int rowStep = s.oneTap ? s.rowStep : 1, colStep = s.oneTap ? s.colStep : 1;
  for (int i = static_cast<int>(threadIdx.x); i < pieces; i += static_cast<int>(blockDim.x)) {
    int rest = i;
    const int piece = takeRest(rest, s.copyWidth), row = takeRest(rest, s.copyRows);
    const int image = takeRest(rest, s.copyImages), channel = rest;
    const int y = p.row + row * rowStep, n = p.image + image;
    const bool inside = static_cast<unsigned>(y) < static_cast<unsigned>(s.sourceH) && n < s.batch;
    const bool exists = p.fromChannel + channel < p.channels;
    const size_t from = static_cast<size_t>((n * s.sourceChannels + p.firstChannel + p.fromChannel + channel)) *
                            static_cast<size_t>(s.sourceH * s.sourceW) +
                        static_cast<size_t>(y * s.sourceW);
    float* to = patch + channel * s.planePitch + (image * s.patchRows + row) * s.rowPitch;
    if (s.vectors) {
      const bool valid = inside && exists;
      const int at = s.patchShift - s.sourceCol + 4 * piece;
      copyAsync16(to + at, valid ? source + from + 4 * piece : source, valid);
    } else {
      const int x = p.col + piece * colStep;
      const bool valid = inside && exists && static_cast<unsigned>(x) < static_cast<unsigned>(s.sourceW);
      copyAsync4(to + piece, valid ? source + from + x : source, valid);
    }
  }
}

/// Rounds to tf32, and takes max(0, x) before, of floats in shared memory; a multiple of four.
template <bool kTf32>
__device__ __forceinline__ void transformPatch(float* patch, int floats, bool relu) {
  const auto transformed = [&](float v) {
    if (relu && v <= 0) v = 0;  // a NaN compares false and stays
    return kTf32 ? __uint_as_float(toTf32(v)) : v;
  };
  for (int i = 4 * static_cast<int>(threadIdx.x); i < floats; i += 4 * static_cast<int>(blockDim.x)) {
    float4& v = *reinterpret_cast<float4*>(patch + i);
    v = make_float4(transformed(v.x), transformed(v.y), transformed(v.z), transformed(v.w));
  }
}

}  // namespace eznas::cuda
