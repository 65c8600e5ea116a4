#pragma once
// What the kernel tests share: plain float64 maps, blocked feature maps with guarded storage, and comparison.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernels/cpu/network_kernels.h"

namespace eznas::check {

inline int failures = 0, comparisons = 0;
inline std::string context;

inline void fail(const std::string& what) {
  if (++failures <= 20) std::printf("FAILED %s: %s\n", context.c_str(), what.c_str());
}

/// Reproducible values in about [-1, 1).
struct Random {
  uint64_t state;
  double next() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(static_cast<int64_t>(state) >> 40) / (1 << 23);
  }
};

/// Plain [n][c][h][w] of float64 whose values are exact float32.
struct Plain {
  int n = 0, c = 0, h = 0, w = 0;
  std::vector<double> values;

  Plain() = default;
  Plain(int n_, int c_, int h_, int w_)
      : n(n_), c(c_), h(h_), w(w_), values(static_cast<size_t>(n_) * c_ * h_ * w_, 0.0) {}
  Plain(int n_, int c_, int h_, int w_, Random& random, double centre = 0) : Plain(n_, c_, h_, w_) {
    for (double& v : values) v = static_cast<float>(centre + random.next());
  }
  size_t index(int i, int ch, int y, int x) const { return ((static_cast<size_t>(i) * c + ch) * h + y) * w + x; }
  double& operator()(int i, int ch, int y, int x) { return values[index(i, ch, y, x)]; }
  double operator()(int i, int ch, int y, int x) const { return values[index(i, ch, y, x)]; }
  /// The value, or zero outside the map.
  double padded(int i, int ch, int y, int x) const {
    return y < 0 || x < 0 || y >= h || x >= w ? 0.0 : (*this)(i, ch, y, x);
  }
  std::vector<float> floats() const { return {values.begin(), values.end()}; }
};

inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kInf = std::numeric_limits<float>::infinity();

/// A buffer aligned to 64 bytes that holds NaN: what a kernel reads without having written it shows.
struct Buffer {
  std::vector<float> storage;
  float* data;
  explicit Buffer(size_t floats) : storage(floats + 16, kNaN) {
    data = storage.data() + (64 - reinterpret_cast<uintptr_t>(storage.data()) % 64) % 64 / sizeof(float);
  }
  Buffer(const Buffer&) = delete;
};

/// A feature map with its storage. The read slack behind it is NaN; halo and spare lanes are zero and must stay so.
struct Map : FeatureMap {
  Buffer buffer;

  Map(const Plain& p, int halo_) : FeatureMap{nullptr, p.n, p.c, p.h, p.w, halo_}, buffer(floats() + kReadSlack) {
    data = buffer.data;
    for (size_t k = 0; k < floats(); ++k) data[k] = 0;
    for (int i = 0; i < n; ++i)
      for (int ch = 0; ch < c; ++ch)
        for (int y = 0; y < h; ++y)
          for (int x = 0; x < w; ++x) (*this)(i, ch, y, x) = static_cast<float>(p(i, ch, y, x));
  }
  float& operator()(int i, int ch, int y, int x) const { return at(i, ch / kLanes, y, x)[ch % kLanes]; }
};

/// Requires got = want: NaN for NaN, the same infinity, and otherwise within tolerance.
inline void expectNear(double got, double want, double tolerance, const char* what) {
  ++comparisons;
  const bool same = std::isnan(want)   ? std::isnan(got)
                    : std::isinf(want) ? got == want
                                       : std::abs(got - want) <= tolerance;
  if (!same) {
    char text[160];
    std::snprintf(text, sizeof text, "%s is %.9g, not %.9g (tolerance %.2g)", what, got, want, tolerance);
    fail(text);
  }
}

/// Requires the map to hold want within relative · magnitude (the sum of the absolute terms of each value), and zeros
/// in its halo and spare lanes.
inline void expectMap(const Map& got, const Plain& want, const Plain& magnitude, double relative, const char* what) {
  for (int i = 0; i < got.n; ++i) {
    for (int ch = 0; ch < got.blocks() * kLanes; ++ch) {
      for (int y = -got.halo; y < got.h + got.halo; ++y) {
        for (int x = -got.halo; x < got.w + got.halo; ++x) {
          if (ch < got.c && y >= 0 && x >= 0 && y < got.h && x < got.w)
            expectNear(got(i, ch, y, x), want(i, ch, y, x), relative * magnitude(i, ch, y, x), what);
          else if (got(i, ch, y, x) != 0)
            fail(std::string(what) + " wrote its halo or spare lanes");
        }
      }
    }
  }
}

inline Plain magnitudeOf(const Plain& p) {
  Plain m = p;
  for (double& v : m.values) v = std::isfinite(v) ? std::abs(v) : 0;
  return m;
}

/// As above for values that a few operations make: the magnitude is the value's own, and at least 1.
inline void expectMap(const Map& got, const Plain& want, double relative, const char* what) {
  Plain m = magnitudeOf(want);
  for (double& v : m.values) v = std::fmax(v, 1);
  expectMap(got, want, m, relative, what);
}

inline void expectFloats(const float* got, const std::vector<double>& want, const std::vector<double>& magnitude,
                         double relative, const char* what) {
  for (size_t k = 0; k < want.size(); ++k) expectNear(got[k], want[k], relative * magnitude[k], what);
}

}  // namespace eznas::check
