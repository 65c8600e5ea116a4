// Batch normalization, one block of 16 channels at a time over the whole batch. Sums are float64 throughout: each
// register of floats is widened to two of doubles, shifted by the channel's first value (so that a mean far above the
// standard deviation costs no digits, and a constant channel has variance exactly zero).
#include "kernels/cpu/conv.h"
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {
namespace {

inline constexpr int kHalf = kWidth / 2;
inline constexpr int kDoubles = kLanes / kHalf;  // float64 registers per block

/// Calls f(pixel offset in x, pixel offset in y) for every interior pixel of block b of both maps.
template <class F>
[[gnu::always_inline]] inline void forEachPixel(const FeatureMap& x, const FeatureMap& y, int b, F f) {
  for (int i = 0; i < x.n; ++i) {
    for (int row = 0; row < x.h; ++row) {
      float* p = x.at(i, b, row, 0);
      float* q = y.at(i, b, row, 0);
      for (int k = 0; k < x.w * kLanes; k += kLanes) f(p + k, q + k);
    }
  }
}

[[gnu::always_inline]] inline float orDefault(const float* p, int i, float otherwise) { return p ? p[i] : otherwise; }

}  // namespace

void blockSums(const FeatureMap& y, int block, double* sums, double* squares) {
  for (int r = 0; r < kDoubles; ++r) {
    RegDouble s{}, q{};
    forEachPixel(y, y, block, [&](const float* p, float*) {
      const RegDouble d = loadDouble(p + r * kHalf);
      s += d;
      q += d * d;
    });
    storeReg(sums + r * kHalf, s);
    storeReg(squares + r * kHalf, q);
  }
}

void batchStatistics(const FeatureMap& x, double* mean, double* variance) {
  const double count = static_cast<double>(x.n) * x.h * x.w;
  for (int b = 0; b < x.blocks(); ++b) {
    double shift[kLanes];
    const float* first = x.at(0, b, 0, 0);
    for (int l = 0; l < kLanes; ++l) shift[l] = __builtin_isfinite(first[l]) ? first[l] : 0.0;
    for (int r = 0; r < kDoubles; ++r) {
      const RegDouble k = loadAs<RegDouble>(shift + r * kHalf);
      RegDouble sums{}, squares{};
      forEachPixel(x, x, b, [&](const float* p, float*) {
        const RegDouble d = loadDouble(p + r * kHalf) - k;
        sums += d;
        squares += d * d;
      });
      const RegDouble m = sums / count, v = squares / count - m * m;
      storeReg(mean + b * kLanes + r * kHalf, m + k);
      storeReg(variance + b * kLanes + r * kHalf, v < 0.0 ? RegDouble{} : v);
    }
  }
}

void normalizeForward(const FeatureMap& x, const float* mean, const float* inverseStd, const float* scale,
                      const float* shift, const FeatureMap& y) {
  for (int b = 0; b < x.blocks(); ++b) {
    Reg m[kPerBlock], a[kPerBlock], s[kPerBlock];
    RegInt mask[kPerBlock];
    for (int r = 0; r < kPerBlock; ++r) {
      const int c = b * kLanes + r * kWidth;
      m[r] = loadReg(mean + c);
      a[r] = scale ? loadReg(inverseStd + c) * loadReg(scale + c) : loadReg(inverseStd + c);
      s[r] = shift ? loadReg(shift + c) : Reg{};
      mask[r] = laneMask(x.c, b, r);
    }
    forEachPixel(x, y, b, [&](const float* p, float* q) {
      for (int r = 0; r < kPerBlock; ++r)
        storeReg(q + r * kWidth, masked((loadReg(p + r * kWidth) - m[r]) * a[r] + s[r], mask[r]));
    });
  }
}

void normalizeBackward(const FeatureMap& x, const FeatureMap& gy, const float* mean, const float* inverseStd,
                       const float* scale, const FeatureMap& gx, bool accumulate, float* gScale, float* gShift) {
  const double count = static_cast<double>(x.n) * x.h * x.w;
  for (int b = 0; b < x.blocks(); ++b) {
    double sums[kLanes], products[kLanes];
    for (int r = 0; r < kDoubles; ++r) {
      double centre[kLanes];
      for (int l = 0; l < kLanes; ++l) centre[l] = mean[b * kLanes + l];
      const RegDouble m = loadAs<RegDouble>(centre + r * kHalf);
      RegDouble s{}, t{};
      forEachPixel(x, gy, b, [&](const float* p, const float* g) {
        const RegDouble d = loadDouble(g + r * kHalf);
        s += d;
        t += d * (loadDouble(p + r * kHalf) - m);
      });
      storeReg(sums + r * kHalf, s);
      storeReg(products + r * kHalf, t);
    }
    // gx = a · (gy − Σgy / N − (x − mean) · inverseStd² · Σ(gy · (x − mean)) / N), a = scale · inverseStd
    float average[kLanes], slope[kLanes], factor[kLanes];
    for (int l = 0; l < kLanes; ++l) {
      const int c = b * kLanes + l;
      const double inverse = inverseStd[c];
      average[l] = static_cast<float>(sums[l] / count);
      slope[l] = static_cast<float>(products[l] * inverse * inverse / count);
      factor[l] = orDefault(scale, c, 1.0f) * inverseStd[c];
      if (gScale) gScale[c] = static_cast<float>(products[l] * inverse);
      if (gShift) gShift[c] = static_cast<float>(sums[l]);
    }
    for (int i = 0; i < x.n; ++i) {
      for (int row = 0; row < x.h; ++row) {
        const float* p = x.at(i, b, row, 0);
        const float* g = gy.at(i, b, row, 0);
        float* q = gx.at(i, b, row, 0);
        for (int r = 0; r < kPerBlock; ++r) {
          const Reg m = loadReg(mean + b * kLanes + r * kWidth), u = loadReg(average + r * kWidth),
                    s = loadReg(slope + r * kWidth), f = loadReg(factor + r * kWidth);
          const RegInt mask = laneMask(x.c, b, r);
          for (int k = r * kWidth; k < x.w * kLanes; k += kLanes) {
            const Reg d = masked((loadReg(g + k) - u - (loadReg(p + k) - m) * s) * f, mask);
            storeReg(q + k, accumulate ? loadReg(q + k) + d : d);
          }
        }
      }
    }
  }
}

}  // namespace eznas::EZNAS_ISA
