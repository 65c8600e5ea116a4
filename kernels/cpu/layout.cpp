// Between the blocked layout of the executor and plain [n][c][h][w]: 16 pixels × 16 channels at a time, transposed in
// registers (transpose.h). Pixels are taken in plain order across row ends, so narrow maps fill their tiles too. One
// load and one store per register, both of whole cache lines: the shuffles hide behind the memory.
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"
#include "kernels/cpu/transpose.h"

namespace eznas::EZNAS_ISA {
namespace {

/// Addresses of up to 16 consecutive pixels, in plain order, of one block; past the last pixel the last again.
struct Pixels {
  float* at[kLanes];

  [[gnu::always_inline]] Pixels(const FeatureMap& m, int i, int b, int first, int count) {
    const int row = first / m.w, col = first % m.w;
    float* p = m.at(i, b, row, col);
    if (col + kLanes <= m.w) {
#pragma GCC unroll 16
      for (int k = 0; k < kLanes; ++k) at[k] = p + k * kLanes;
      return;
    }
    const ptrdiff_t skip = 2 * static_cast<ptrdiff_t>(m.halo) * kLanes;
    for (int k = 0, c = col; k < kLanes; ++k) {
      at[k] = p;
      if (k + 1 >= count) continue;
      p += kLanes;
      if (++c == m.w) c = 0, p += skip;
    }
  }
};

/// Reads the first count of kWidth floats, the others zero.
[[gnu::always_inline]] inline Reg loadSome(const float* p, int count) {
  if (count >= kWidth) return loadReg(p);
  Reg v{};
  for (int l = 0; l < count; ++l) v[l] = p[l];
  return v;
}

[[gnu::always_inline]] inline void storeSome(float* p, Reg v, int count) {
  if (count >= kWidth) return storeReg(p, v);
  for (int l = 0; l < count; ++l) p[l] = v[l];
}

/// Calls f(image, block, first pixel, pixels, offset in plain of the block's first channel) for every tile.
template <class F>
[[gnu::always_inline]] inline void forEachTile(const FeatureMap& m, F f) {
  const int size = m.h * m.w;
  for (int i = 0; i < m.n; ++i)
    for (int b = 0; b < m.blocks(); ++b)
      for (int first = 0; first < size; first += kLanes)
        f(i, b, first, smaller(kLanes, size - first),
          (static_cast<size_t>(i) * m.c + static_cast<size_t>(b) * kLanes) * size + first);
}

/// plain = the pixels that read(image, block, first, count) gives as a function (pixel, lane) → register, less base.
template <class Source>
[[gnu::always_inline]] inline void unpackTiles(const FeatureMap& m, const float* base, float* plain, Source source) {
  const ptrdiff_t size = static_cast<ptrdiff_t>(m.h) * m.w;
  forEachTile(m, [&](int i, int b, int first, int count, size_t offset) {
    const int channels = channelsInBlock(m.c, b);
    transposeBlock(source(i, b, first, count), [&](int channel, int pixel, Reg v) {
      if (channel >= channels || pixel >= count) return;
      const ptrdiff_t at = static_cast<ptrdiff_t>(offset) + channel * size + pixel;
      if (base) v -= loadSome(base + at, count - pixel);
      storeSome(plain + at, v, count - pixel);
    });
  });
}

}  // namespace

void pack(const float* plain, const FeatureMap& y) {
  const ptrdiff_t size = static_cast<ptrdiff_t>(y.h) * y.w;
  forEachTile(y, [&](int i, int b, int first, int count, size_t offset) {
    const Pixels to(y, i, b, first, count);
    const int channels = channelsInBlock(y.c, b);
    transposeBlock(
        [&](int channel, int pixel) {
          return channel < channels ? loadSome(plain + offset + channel * size + pixel, count - pixel) : Reg{};
        },
        [&](int pixel, int channel, Reg v) {
          if (pixel < count) storeReg(to.at[pixel] + channel, v);
        });
  });
}

void unpack(const FeatureMap& x, const float* base, float* plain) {
  unpackTiles(x, base, plain, [&](int i, int b, int first, int count) {
    return [p = Pixels(x, i, b, first, count)](int pixel, int lane) { return loadReg(p.at[pixel] + lane); };
  });
}

void unpackMasked(const FeatureMap& gy, const FeatureMap& x, const float* base, float* plain) {
  unpackTiles(x, base, plain, [&](int i, int b, int first, int count) {
    return [p = Pixels(x, i, b, first, count), g = Pixels(gy, i, b, first, count)](int pixel, int lane) {
      return masked(loadReg(g.at[pixel] + lane), loadReg(p.at[pixel] + lane) > 0.0f);
    };
  });
}

}  // namespace eznas::EZNAS_ISA
