// Batch normalization, one block of 16 channels at a time over the whole batch. Sums are float64 throughout
// (moments.h), shifted by the channel's first value, so that a mean far above the standard deviation costs no digits
// and a constant channel has variance exactly zero.
#include "kernels/cpu/conv.h"
#include "kernels/cpu/moments.h"
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {
namespace {

/// Calls f(row of x, row of y) for every interior row of block b of both maps.
template <class F>
[[gnu::always_inline]] inline void forEachRow(const FeatureMap& x, const FeatureMap& y, int b, F f) {
  for (int i = 0; i < x.n; ++i)
    for (int row = 0; row < x.h; ++row) f(x.at(i, b, row, 0), y.at(i, b, row, 0));
}

/// Σ (x − shift) and Σ (x − shift)² of the channels of block b.
void shiftedSums(const FeatureMap& x, int b, const double* shift, double* sums, double* squares) {
  Moments moments;
  forEachRow(x, x, b, [&](const float* p, const float*) { moments.addSquares(p, kLanes, x.w, shift); });
  moments.totals(sums, squares);
}

}  // namespace

void blockSums(const FeatureMap& y, int block, double* sums, double* squares) {
  const double shift[kLanes]{};
  shiftedSums(y, block, shift, sums, squares);
}

void batchStatistics(const FeatureMap& x, double* mean, double* variance) {
  const double count = static_cast<double>(x.n) * x.h * x.w;
  for (int b = 0; b < x.blocks(); ++b) {
    double shift[kLanes], sums[kLanes], squares[kLanes];
    const float* first = x.at(0, b, 0, 0);
    for (int l = 0; l < kLanes; ++l) shift[l] = __builtin_isfinite(first[l]) ? first[l] : 0.0;
    shiftedSums(x, b, shift, sums, squares);
    for (int l = 0; l < kLanes; ++l) {
      const double m = sums[l] / count, v = squares[l] / count - m * m;
      mean[b * kLanes + l] = m + shift[l];
      variance[b * kLanes + l] = v < 0.0 ? 0.0 : v;
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
    forEachRow(x, y, b, [&](const float* p, float* q) {
      for (int k = 0; k < x.w * kLanes; k += kLanes)
        for (int r = 0; r < kPerBlock; ++r)
          storeReg(q + k + r * kWidth, masked((loadReg(p + k + r * kWidth) - m[r]) * a[r] + s[r], mask[r]));
    });
  }
}

void normalizeBackward(const FeatureMap& x, const FeatureMap& gy, const float* mean, const float* inverseStd,
                       const float* scale, const FeatureMap& gx, bool accumulate, float* gScale, float* gShift) {
  const double count = static_cast<double>(x.n) * x.h * x.w;
  for (int b = 0; b < x.blocks(); ++b) {
    double centre[kLanes], sums[kLanes], products[kLanes];
    for (int l = 0; l < kLanes; ++l) centre[l] = mean[b * kLanes + l];
    Moments moments;
    forEachRow(x, gy, b, [&](const float* p, const float* g) {
      moments.addRow(x.w, [&](int col, int r, RegDouble& total, RegDouble& product) {
        const RegDouble d = loadDouble(g + col * kLanes + r * kHalf);
        total += d;
        product += d * (loadDouble(p + col * kLanes + r * kHalf) - loadAs<RegDouble>(centre + r * kHalf));
      });
    });
    moments.totals(sums, products);
    // gx = a · (gy − Σgy / N − (x − mean) · inverseStd² · Σ(gy · (x − mean)) / N), a = scale · inverseStd
    float average[kLanes], slope[kLanes], factor[kLanes];
    for (int l = 0; l < kLanes; ++l) {
      const int c = b * kLanes + l;
      const double inverse = inverseStd[c];
      average[l] = static_cast<float>(sums[l] / count);
      slope[l] = static_cast<float>(products[l] * inverse * inverse / count);
      factor[l] = scale ? scale[c] * inverseStd[c] : inverseStd[c];
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
