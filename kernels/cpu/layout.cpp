// Between the blocked layout of the executor and plain [n][c][h][w]: 16 pixels × 16 channels at a time, transposed in
// registers (transpose.h). Pixels are taken in plain order across row ends, so narrow maps fill their tiles too. A full
// tile is one load and one store of a whole cache line per pixel and channel, with 64 shuffles between (AVX-512); tiles
// at the end of the channels or pixels go through a buffer. Where the lines are whole they are streamed past the
// caches, which recorded tensors (22 MiB an image and network) outgrow: nothing is read before it is written, and
// planes that lie a multiple of 4 KiB apart (32 × 32) do not fall into one set of a cache.
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"
#include "kernels/cpu/transpose.h"

namespace eznas::EZNAS_ISA {
namespace {

/// Sixteen consecutive pixels, W of them per row.
template <int W>
struct RowPixels {
  float* first;
  ptrdiff_t row;
  RowPixels(const FeatureMap& m, int i, int b, int pixel)
      : first(m.at(i, b, pixel / m.w, pixel % m.w)), row(static_cast<ptrdiff_t>(m.rowStride())) {}
  [[gnu::always_inline]] float* operator[](int k) const { return first + k / W * row + k % W * kLanes; }
};

/// Sixteen consecutive pixels, in plain order, wherever they lie; past the last pixel of the map the last again.
struct AnyPixels {
  float* at[kLanes];
  AnyPixels(const FeatureMap& m, int i, int b, int pixel) {
    int left = m.h * m.w - pixel, col = pixel % m.w;
    float* p = m.at(i, b, pixel / m.w, col);
    for (int k = 0; k < kLanes; ++k) {
      at[k] = p;
      if (--left <= 0) continue;
      p += kLanes;
      if (++col == m.w) col = 0, p += 2 * static_cast<ptrdiff_t>(m.halo) * kLanes;
    }
  }
  [[gnu::always_inline]] float* operator[](int k) const { return at[k]; }
};

/// 16 × 16 floats that a tile passes through where it is not full.
struct Buffer {
  float values[kLanes * kLanes];
};

/// What a tile of a map is to plain memory.
struct Tile {
  int image, block, first;  // first pixel
  int channels, pixels;     // in the tile, up to 16
  size_t offset;            // in plain, of its first value
};

/// Calls f(tile) for every tile of the map.
template <class F>
[[gnu::always_inline]] inline void forEachTile(const FeatureMap& m, F f) {
  const int size = m.h * m.w;
  size_t block = 0;
  for (int i = 0; i < m.n; ++i) {
    for (int b = 0; b < m.blocks(); ++b) {
      const int channels = channelsInBlock(m.c, b);
      for (int first = 0; first < size; first += kLanes)
        f(Tile{i, b, first, channels, smaller(kLanes, size - first), block + first});
      block += static_cast<size_t>(channels) * size;
    }
  }
}

/// Values as they are, from pixels of one map.
struct Values {
  template <class Pixels>
  [[gnu::always_inline]] static Reg read(const Pixels& p, const Pixels&, int pixel, int lane) {
    return loadReg(p[pixel] + lane);
  }
};

/// Values where the mask's are positive, zero elsewhere.
struct MaskedValues {
  template <class Pixels>
  [[gnu::always_inline]] static Reg read(const Pixels& p, const Pixels& mask, int pixel, int lane) {
    return masked(loadReg(p[pixel] + lane), loadReg(mask[pixel] + lane) > 0.0f);
  }
};

/// Whether stores go past the caches.
enum class Store { cached, streamed };

template <Store kStore>
[[gnu::always_inline]] inline void storePlain(float* p, Reg v) {
#if defined(__AVX512F__)
  if constexpr (kStore == Store::streamed) return _mm512_stream_ps(p, v);
#endif
  storeReg(p, v);
}

template <class Kind, bool kBase, Store kStore, class Pixels>
[[gnu::always_inline]] inline void unpackPixels(const Pixels& p, const Pixels& mask, const float* base, float* plain,
                                                ptrdiff_t channelStride) {
  transposeBlock([&](int pixel, int lane) { return Kind::read(p, mask, pixel, lane); },
                 [&](int channel, int pixel, Reg v) {
                   const ptrdiff_t at = channel * channelStride + pixel;
                   storePlain<kStore>(plain + at, kBase ? v - loadReg(base + at) : v);
                 });
}

template <class Kind>
void unpackPart(const Tile& t, const AnyPixels& p, const AnyPixels& mask, const float* base, float* plain,
                ptrdiff_t channelStride) {
  Buffer buffer;
  unpackPixels<Kind, false, Store::cached>(p, mask, nullptr, buffer.values, kLanes);
  for (int c = 0; c < t.channels; ++c)
    for (int k = 0; k < t.pixels; ++k) {
      const float v = buffer.values[c * kLanes + k];
      plain[c * channelStride + k] = base ? v - base[c * channelStride + k] : v;
    }
}

template <class Kind, bool kBase>
void unpackMap(const FeatureMap& m, const FeatureMap& mask, const float* base, float* plain) {
  const ptrdiff_t size = static_cast<ptrdiff_t>(m.h) * m.w;
  const bool stream = kWidth == 16 && size % kLanes == 0 && reinterpret_cast<uintptr_t>(plain) % 64 == 0;
  forEachTile(m, [&](const Tile& t) {
    const float* from = kBase ? base + t.offset : nullptr;
    float* to = plain + t.offset;
    const auto run = [&]<class Pixels>() {
      const Pixels values(m, t.image, t.block, t.first), masks(mask, t.image, t.block, t.first);
      if (stream)
        unpackPixels<Kind, kBase, Store::streamed>(values, masks, from, to, size);
      else
        unpackPixels<Kind, kBase, Store::cached>(values, masks, from, to, size);
    };
    if (t.channels < kLanes || t.pixels < kLanes)
      unpackPart<Kind>(t, AnyPixels(m, t.image, t.block, t.first), AnyPixels(mask, t.image, t.block, t.first), from, to,
                       size);
    else if (t.first % m.w + kLanes <= m.w)
      run.template operator()<RowPixels<16>>();
    else if (m.w == 8)
      run.template operator()<RowPixels<8>>();
    else
      run.template operator()<AnyPixels>();
  });
#if defined(__AVX512F__)
  if (stream) _mm_sfence();  // streamed stores are ordered before whatever tells another thread of them
#endif
}

template <class Kind>
void unpackMap(const FeatureMap& m, const FeatureMap& mask, const float* base, float* plain) {
  if (base)
    unpackMap<Kind, true>(m, mask, base, plain);
  else
    unpackMap<Kind, false>(m, mask, base, plain);
}

}  // namespace

void pack(const float* plain, const FeatureMap& y) {
  const ptrdiff_t size = static_cast<ptrdiff_t>(y.h) * y.w;
  forEachTile(y, [&](const Tile& t) {
    const AnyPixels to(y, t.image, t.block, t.first);
    const float* from = plain + t.offset;
    ptrdiff_t stride = size;
    Buffer buffer{};
    if (t.channels < kLanes || t.pixels < kLanes) {
      for (int c = 0; c < t.channels; ++c)
        for (int k = 0; k < t.pixels; ++k) buffer.values[c * kLanes + k] = from[c * size + k];
      from = buffer.values, stride = kLanes;
      // Pixels past the last one repeat it: they must write the same.
      for (int c = 0; c < t.channels; ++c)
        for (int k = t.pixels; k < kLanes; ++k) buffer.values[c * kLanes + k] = from[c * kLanes + t.pixels - 1];
    }
    transposeBlock([&](int channel, int pixel) { return loadReg(from + channel * stride + pixel); },
                   [&](int pixel, int channel, Reg v) { storeReg(to[pixel] + channel, v); });
  });
}

void unpack(const FeatureMap& x, const float* base, float* plain) { unpackMap<Values>(x, x, base, plain); }

void unpackMasked(const FeatureMap& gy, const FeatureMap& x, const float* base, float* plain) {
  unpackMap<MaskedValues>(gy, x, base, plain);
}

}  // namespace eznas::EZNAS_ISA
