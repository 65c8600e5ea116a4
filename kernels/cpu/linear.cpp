// Fully connected layer. The input is unpacked to plain rows once (it is small: usually the globally pooled features),
// then everything is dot products and scaled sums along contiguous memory.
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {
namespace {

/// Σ a·b over n elements; four running registers hide the latency of the multiply-add.
[[gnu::always_inline]] inline float dot(const float* a, const float* b, size_t n) {
  Reg s0{}, s1{}, s2{}, s3{};
  size_t k = 0;
  for (; k + 4 * kWidth <= n; k += 4 * kWidth) {
    s0 += loadReg(a + k) * loadReg(b + k);
    s1 += loadReg(a + k + kWidth) * loadReg(b + k + kWidth);
    s2 += loadReg(a + k + 2 * kWidth) * loadReg(b + k + 2 * kWidth);
    s3 += loadReg(a + k + 3 * kWidth) * loadReg(b + k + 3 * kWidth);
  }
  for (; k + kWidth <= n; k += kWidth) s0 += loadReg(a + k) * loadReg(b + k);
  const Reg s = (s0 + s1) + (s2 + s3);
  float total = 0;
  for (int l = 0; l < kWidth; ++l) total += s[l];
  for (; k < n; ++k) total += a[k] * b[k];
  return total;
}

/// y += a · x.
[[gnu::always_inline]] inline void addScaled(float* y, float a, const float* x, size_t n) {
  size_t k = 0;
  for (; k + kWidth <= n; k += kWidth) storeReg(y + k, loadReg(y + k) + a * loadReg(x + k));
  for (; k < n; ++k) y[k] += a * x[k];
}

[[gnu::always_inline]] inline float* feature(const FeatureMap& y, int i, int f) {
  return y.at(i, f / kLanes, 0, 0) + f % kLanes;
}

[[gnu::always_inline]] inline size_t inputSize(const FeatureMap& x) { return static_cast<size_t>(x.c) * x.h * x.w; }

}  // namespace

size_t linearScratchSize(const FeatureMap& x, int) { return x.n * inputSize(x); }

void linearForward(const FeatureMap& x, const float* weight, const float* bias, const FeatureMap& y, float* scratch) {
  const size_t size = inputSize(x);
  unpack(x, nullptr, scratch);
  for (int f = 0; f < y.c; ++f)
    for (int i = 0; i < y.n; ++i)
      *feature(y, i, f) = dot(scratch + i * size, weight + f * size, size) + (bias ? bias[f] : 0.0f);
}

void linearBackward(const FeatureMap& x, const FeatureMap& gy, const float* weight, const FeatureMap* gx,
                    bool accumulate, float* gw, float* gb, float* scratch) {
  const size_t size = inputSize(x);
  if (gw) {
    unpack(x, nullptr, scratch);
    std::memset(gw, 0, gy.c * size * sizeof(float));
    for (int f = 0; f < gy.c; ++f)
      for (int i = 0; i < gy.n; ++i) addScaled(gw + f * size, *feature(gy, i, f), scratch + i * size, size);
  }
  if (gb) {
    for (int f = 0; f < gy.c; ++f) {
      double total = 0;
      for (int i = 0; i < gy.n; ++i) total += *feature(gy, i, f);
      gb[f] = static_cast<float>(total);
    }
  }
  if (gx) {
    std::memset(scratch, 0, gy.n * size * sizeof(float));
    for (int i = 0; i < gy.n; ++i)
      for (int f = 0; f < gy.c; ++f) addScaled(scratch + i * size, *feature(gy, i, f), weight + f * size, size);
    // Blocked from plain, by hand where the gradient is added to what is there.
    if (!accumulate) return pack(scratch, *gx);
    const float* p = scratch;
    for (int i = 0; i < gx->n; ++i)
      for (int c = 0; c < gx->c; ++c)
        for (int row = 0; row < gx->h; ++row)
          for (int col = 0; col < gx->w; ++col) gx->at(i, c / kLanes, row, col)[c % kLanes] += *p++;
  }
}

}  // namespace eznas::EZNAS_ISA
