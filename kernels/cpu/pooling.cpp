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

}  // namespace

namespace {

/// Maxima and their positions of P windows side by side, of rows ys and columns xs (of the first window); one register
/// of channels. x is the map's first pixel, y and argmax those of the first window.
template <int P>
[[gnu::always_inline]] inline void maxima(const FeatureMap& map, const float* x, Range ys, Range xs, int stride,
                                          float* y, int32_t* argmax) {
  Reg best[P];
  RegInt where[P], position[P];
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
    best[p] = -__builtin_inff() - Reg{};
    where[p] = position[p] = (ys.begin * map.w + xs.begin + p * stride) - RegInt{};
  }
  for (int iy = ys.begin; iy < ys.end; ++iy) {
    const float* row = x + iy * map.rowStride();
    for (int ix = xs.begin; ix < xs.end; ++ix) {
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const Reg v = loadReg(row + (ix + p * stride) * kLanes);
        const RegInt wins = (v > best[p]) | (v != v);
        best[p] = wins ? v : best[p];
        where[p] = wins ? position[p] : where[p];
        position[p] += 1;
      }
    }
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) position[p] += map.w - (xs.end - xs.begin);
  }
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
    storeReg(y + p * kLanes, best[p]);
    storeReg(argmax + p * kLanes, where[p]);
  }
}

}  // namespace

void maxPoolForward(const PoolShape& s, const FeatureMap& x, const FeatureMap& y, int32_t* argmax) {
  for (int i = 0; i < y.n; ++i) {
    for (int b = 0; b < y.blocks(); ++b) {
      for (int oy = 0; oy < y.h; ++oy, argmax += y.w * kLanes) {
        const Range ys = covered(oy, s.kernelH, s.strideH, s.padH, x.h);
        for (int r = 0; r < kLanes; r += kWidth) {
          const float* in = x.at(i, b, 0, 0) + r;
          float* out = y.at(i, b, oy, 0) + r;
          for (int ox = 0; ox < y.w;) {
            const Range xs = covered(ox, s.kernelW, s.strideW, s.padW, x.w);
            const bool whole = ox + 4 <= y.w && xs.end - xs.begin == s.kernelW && xs.end + 3 * s.strideW <= x.w;
            if (whole)
              maxima<4>(x, in, ys, xs, s.strideW, out + ox * kLanes, argmax + ox * kLanes + r);
            else
              maxima<1>(x, in, ys, xs, s.strideW, out + ox * kLanes, argmax + ox * kLanes + r);
            ox += whole ? 4 : 1;
          }
        }
      }
    }
  }
}

void maxPoolBackward(const PoolShape& s, const FeatureMap& gy, const int32_t* argmax, const FeatureMap& gx,
                     bool accumulate) {
  for (int i = 0; i < gx.n; ++i) {
    for (int b = 0; b < gx.blocks(); ++b, argmax += static_cast<ptrdiff_t>(gy.h) * gy.w * kLanes) {
      for (int iy = 0; iy < gx.h; ++iy) {
        const Range ys = covering(iy, s.kernelH, s.strideH, s.padH, gy.h);
        for (int ix = 0; ix < gx.w; ++ix) {
          const Range xs = covering(ix, s.kernelW, s.strideW, s.padW, gy.w);
          const int position = iy * gx.w + ix;
          float* out = gx.at(i, b, iy, ix);
          for (int r = 0; r < kLanes; r += kWidth) {
            Reg total{};
            for (int oy = ys.begin; oy < ys.end; ++oy) {
              const float* g = gy.at(i, b, oy, 0) + r;
              const int32_t* chosen = argmax + oy * gy.w * kLanes + r;
              for (int ox = xs.begin; ox < xs.end; ++ox)
                total += loadAs<RegInt>(chosen + ox * kLanes) == position ? loadReg(g + ox * kLanes) : Reg{};
            }
            storeReg(out + r, accumulate ? loadReg(out + r) + total : total);
          }
        }
      }
    }
  }
}

namespace {

/// Elements that window o has along one axis of n positions: what its size is a product of. Padding, where it counts,
/// ends `pad` past the input, though windows of a rounded-up output may reach further.
[[gnu::always_inline]] inline int windowExtent(bool countPadding, int o, int kernel, int stride, int pad, int n) {
  const int first = o * stride - pad;
  return countPadding ? smaller(first + kernel, n + pad) - first : smaller(first + kernel, n) - larger(first, 0);
}

/// Calls write(o, Σ column(c), c = o + first … o + first + 2) for outputs o < count; columns outside [0, columns) count
/// as zero. Every column is computed once and slides through registers.
template <class Column, class Write>
[[gnu::always_inline]] inline void slideThree(int count, int first, int columns, Column column, Write write) {
  const auto at = [&](int c) { return c >= 0 && c < columns ? column(c) : Reg{}; };
  Reg a = at(first), b = at(first + 1);
  for (int o = 0; o < count; ++o) {
    const Reg c = at(o + first + 2);
    write(o, (a + b) + c);
    a = b, b = c;
  }
}

}  // namespace

void avgPoolForward(const PoolShape& s, const FeatureMap& x, const FeatureMap& y) {
  const ptrdiff_t xRow = static_cast<ptrdiff_t>(x.rowStride());
  for (int i = 0; i < y.n; ++i) {
    for (int b = 0; b < y.blocks(); ++b) {
      for (int oy = 0; oy < y.h; ++oy) {
        const Range ys = covered(oy, s.kernelH, s.strideH, s.padH, x.h);
        const int height = windowExtent(s.countPadding, oy, s.kernelH, s.strideH, s.padH, x.h);
        for (int r = 0; r < kLanes; r += kWidth) {
          const float* in = x.at(i, b, ys.begin, 0) + r;
          float* out = y.at(i, b, oy, 0) + r;
          const auto column = [&](int ix) {
            Reg total = loadReg(in + ix * kLanes);
            for (int k = 1; k < ys.end - ys.begin; ++k) total += loadReg(in + k * xRow + ix * kLanes);
            return total;
          };
          const auto write = [&](int ox, Reg total) {
            const int width = windowExtent(s.countPadding, ox, s.kernelW, s.strideW, s.padW, x.w);
            storeReg(out + ox * kLanes, total / static_cast<float>(height * width));
          };
          if (s.kernelW == 3 && s.strideW == 1) {
            slideThree(y.w, -s.padW, x.w, column, write);
            continue;
          }
          for (int ox = 0; ox < y.w; ++ox) {
            const Range xs = covered(ox, s.kernelW, s.strideW, s.padW, x.w);
            Reg total = column(xs.begin);
            for (int ix = xs.begin + 1; ix < xs.end; ++ix) total += column(ix);
            write(ox, total);
          }
        }
      }
    }
  }
}

void avgPoolBackward(const PoolShape& s, const FeatureMap& gy, const FeatureMap& gx, bool accumulate) {
  const ptrdiff_t gyRow = static_cast<ptrdiff_t>(gy.rowStride());
  for (int i = 0; i < gx.n; ++i) {
    for (int b = 0; b < gx.blocks(); ++b) {
      for (int iy = 0; iy < gx.h; ++iy) {
        const Range ys = covering(iy, s.kernelH, s.strideH, s.padH, gy.h);
        const auto height = [&](int oy) {
          return windowExtent(s.countPadding, oy, s.kernelH, s.strideH, s.padH, gx.h);
        };
        bool sameHeight = ys.begin < ys.end;  // away from the border: one division for all windows of a column
        for (int oy = ys.begin; oy < ys.end; ++oy) sameHeight = sameHeight && height(oy) == height(ys.begin);
        for (int r = 0; r < kLanes; r += kWidth) {
          const float* in = gy.at(i, b, ys.begin, 0) + r;
          float* out = gx.at(i, b, iy, 0) + r;
          const auto column = [&](int ox) {
            const float* p = in + ox * kLanes;
            const int width = windowExtent(s.countPadding, ox, s.kernelW, s.strideW, s.padW, gx.w);
            Reg total{};
            if (sameHeight) {
              for (int k = 0; k < ys.end - ys.begin; ++k) total += loadReg(p + k * gyRow);
              return total / static_cast<float>(width * height(ys.begin));
            }
            for (int k = 0; k < ys.end - ys.begin; ++k)
              total += loadReg(p + k * gyRow) / static_cast<float>(width * height(ys.begin + k));
            return total;
          };
          const auto write = [&](int ix, Reg total) {
            float* q = out + ix * kLanes;
            storeReg(q, accumulate ? loadReg(q) + total : total);
          };
          if (s.kernelW == 3 && s.strideW == 1) {
            slideThree(gx.w, s.padW - 2, gy.w, column, write);
            continue;
          }
          for (int ix = 0; ix < gx.w; ++ix) {
            const Range xs = covering(ix, s.kernelW, s.strideW, s.padW, gy.w);
            Reg total{};
            for (int ox = xs.begin; ox < xs.end; ++ox) total += column(ox);
            write(ix, total);
          }
        }
      }
    }
  }
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
