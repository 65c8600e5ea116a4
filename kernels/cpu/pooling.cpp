// Pooling. Backward passes gather instead of scattering: each input pixel sums over the windows that cover it, so every
// value is written once, in a fixed order, a register of channels at a time.
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {
namespace {

/// Half-open range of indices.
struct Range {
  int begin, end;
};

/// Input positions that window o covers along one axis of n positions.
[[gnu::always_inline]] inline Range covered(int o, int kernel, int stride, int pad, int n) {
  const int first = o * stride - pad;
  return {larger(first, 0), smaller(first + kernel, n)};
}

/// Windows, of count along one axis, that cover input position i.
[[gnu::always_inline]] inline Range covering(int i, int kernel, int stride, int pad, int count) {
  const int first = i + pad - kernel + 1;
  return {first <= 0 ? 0 : (first + stride - 1) / stride, smaller((i + pad) / stride + 1, count)};
}

/// Elements that window (oy, ox) averages over.
[[gnu::always_inline]] inline float windowSize(const PoolShape& s, int oy, int ox, int h, int w) {
  if (s.countPadding) return static_cast<float>(s.kernelH * s.kernelW);
  const Range ys = covered(oy, s.kernelH, s.strideH, s.padH, h), xs = covered(ox, s.kernelW, s.strideW, s.padW, w);
  return static_cast<float>((ys.end - ys.begin) * (xs.end - xs.begin));
}

/// Calls f(image, block, y, x) for every pixel.
template <class F>
[[gnu::always_inline]] inline void forEachPixel(const FeatureMap& m, F f) {
  for (int i = 0; i < m.n; ++i)
    for (int b = 0; b < m.blocks(); ++b)
      for (int y = 0; y < m.h; ++y)
        for (int x = 0; x < m.w; ++x) f(i, b, y, x);
}

}  // namespace

void maxPoolForward(const PoolShape& s, const FeatureMap& x, const FeatureMap& y, int32_t* argmax) {
  forEachPixel(y, [&](int i, int b, int oy, int ox) {
    const Range ys = covered(oy, s.kernelH, s.strideH, s.padH, x.h),
                xs = covered(ox, s.kernelW, s.strideW, s.padW, x.w);
    const float* in = x.at(i, b, 0, 0);
    float* out = y.at(i, b, oy, ox);
    for (int r = 0; r < kLanes; r += kWidth) {
      Reg best = -__builtin_inff() - Reg{};
      RegInt where = (ys.begin * x.w + xs.begin) - RegInt{};
      for (int iy = ys.begin; iy < ys.end; ++iy) {
        for (int ix = xs.begin; ix < xs.end; ++ix) {
          const Reg v = loadReg(in + iy * x.rowStride() + ix * kLanes + r);
          const RegInt wins = (v > best) | (v != v);
          best = wins ? v : best;
          where = wins ? (iy * x.w + ix) - RegInt{} : where;
        }
      }
      storeReg(out + r, best);
      storeReg(argmax + r, where);
    }
    argmax += kLanes;
  });
}

void maxPoolBackward(const PoolShape& s, const FeatureMap& gy, const int32_t* argmax, const FeatureMap& gx,
                     bool accumulate) {
  forEachPixel(gx, [&](int i, int b, int iy, int ix) {
    const Range ys = covering(iy, s.kernelH, s.strideH, s.padH, gy.h),
                xs = covering(ix, s.kernelW, s.strideW, s.padW, gy.w);
    const int32_t* from = argmax + (static_cast<size_t>(i) * gy.blocks() + b) * gy.h * gy.w * kLanes;
    float* out = gx.at(i, b, iy, ix);
    for (int r = 0; r < kLanes; r += kWidth) {
      Reg total{};
      for (int oy = ys.begin; oy < ys.end; ++oy) {
        for (int ox = xs.begin; ox < xs.end; ++ox) {
          const RegInt chosen = loadAs<RegInt>(from + (oy * gy.w + ox) * kLanes + r) == iy * gx.w + ix;
          total += masked(loadReg(gy.at(i, b, oy, ox) + r), chosen);
        }
      }
      storeReg(out + r, accumulate ? loadReg(out + r) + total : total);
    }
  });
}

void avgPoolForward(const PoolShape& s, const FeatureMap& x, const FeatureMap& y) {
  forEachPixel(y, [&](int i, int b, int oy, int ox) {
    const Range ys = covered(oy, s.kernelH, s.strideH, s.padH, x.h),
                xs = covered(ox, s.kernelW, s.strideW, s.padW, x.w);
    const float* in = x.at(i, b, 0, 0);
    float* out = y.at(i, b, oy, ox);
    const float size = windowSize(s, oy, ox, x.h, x.w);
    for (int r = 0; r < kLanes; r += kWidth) {
      Reg total{};
      for (int iy = ys.begin; iy < ys.end; ++iy)
        for (int ix = xs.begin; ix < xs.end; ++ix) total += loadReg(in + iy * x.rowStride() + ix * kLanes + r);
      storeReg(out + r, total / size);
    }
  });
}

void avgPoolBackward(const PoolShape& s, const FeatureMap& gy, const FeatureMap& gx, bool accumulate) {
  forEachPixel(gx, [&](int i, int b, int iy, int ix) {
    const Range ys = covering(iy, s.kernelH, s.strideH, s.padH, gy.h),
                xs = covering(ix, s.kernelW, s.strideW, s.padW, gy.w);
    float* out = gx.at(i, b, iy, ix);
    Reg total[kPerBlock]{};
    for (int oy = ys.begin; oy < ys.end; ++oy) {
      for (int ox = xs.begin; ox < xs.end; ++ox) {
        const float* g = gy.at(i, b, oy, ox);
        const float size = windowSize(s, oy, ox, gx.h, gx.w);
        for (int r = 0; r < kPerBlock; ++r) total[r] += loadReg(g + r * kWidth) / size;
      }
    }
    for (int r = 0; r < kPerBlock; ++r) {
      float* q = out + r * kWidth;
      storeReg(q, accumulate ? loadReg(q) + total[r] : total[r]);
    }
  });
}

void globalPoolForward(const FeatureMap& x, const FeatureMap& y) {
  const double count = static_cast<double>(x.h) * x.w;
  for (int i = 0; i < x.n; ++i) {
    for (int b = 0; b < x.blocks(); ++b) {
      for (int r = 0; r < kLanes; r += kWidth / 2) {
        RegDouble total{};
        for (int row = 0; row < x.h; ++row)
          for (int k = 0; k < x.w * kLanes; k += kLanes) total += loadDouble(x.at(i, b, row, 0) + k + r);
        storeReg(y.at(i, b, 0, 0) + r, __builtin_convertvector(total / count, RegHalf));
      }
    }
  }
}

void globalPoolBackward(const FeatureMap& gy, const FeatureMap& gx, bool accumulate) {
  const float count = static_cast<float>(gx.h * gx.w);
  for (int i = 0; i < gx.n; ++i) {
    for (int b = 0; b < gx.blocks(); ++b) {
      for (int r = 0; r < kLanes; r += kWidth) {
        const Reg g = loadReg(gy.at(i, b, 0, 0) + r) / count;
        for (int row = 0; row < gx.h; ++row) {
          float* q = gx.at(i, b, row, 0) + r;
          for (int k = 0; k < gx.w * kLanes; k += kLanes) storeReg(q + k, accumulate ? loadReg(q + k) + g : g);
        }
      }
    }
  }
}

}  // namespace eznas::EZNAS_ISA
