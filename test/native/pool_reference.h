#pragma once
// Pooling by its definition, window by window, for the tests of the CPU's and the GPU's kernels.
#include <cmath>
#include <cstdint>
#include <vector>

#include "test/native/kernel_check.h"

namespace eznas::check {

/// Windows along one axis; rounded up, the last one must still start inside the input or its first padding.
inline int windows(int extent, int kernel, int stride, int pad, bool ceilMode) {
  int count = (extent + 2 * pad - kernel + (ceilMode ? stride - 1 : 0)) / stride + 1;
  if ((count - 1) * stride >= extent + pad) --count;
  return count;
}

/// Maxima and averages of x, the flat positions of the maxima, and the gradients at x for gy at either.
struct PoolReference {
  Plain largest, average, toLargest, toAll;
  std::vector<int32_t> where;

  /// Shape: the kernels' description of a pool.
  template <class Shape>
  PoolReference(const Shape& s, const Plain& x, const Plain& gy)
      : largest(gy.n, gy.c, gy.h, gy.w),
        average(largest),
        toLargest(x.n, x.c, x.h, x.w),
        toAll(toLargest),
        where(gy.values.size()) {
    for (int i = 0; i < gy.n; ++i) {
      for (int c = 0; c < gy.c; ++c) {
        for (int oy = 0; oy < gy.h; ++oy) {
          for (int ox = 0; ox < gy.w; ++ox) {
            std::vector<int> window;
            int padded = 0;
            for (int ky = 0; ky < s.kernelH; ++ky)
              for (int kx = 0; kx < s.kernelW; ++kx) {
                const int iy = oy * s.strideH + ky - s.padH, ix = ox * s.strideW + kx - s.padW;
                if (iy < x.h + s.padH && ix < x.w + s.padW) ++padded;
                if (iy >= 0 && ix >= 0 && iy < x.h && ix < x.w) window.push_back(iy * x.w + ix);
              }
            int best = window[0];
            double total = 0;
            for (const int p : window) {
              const double v = x(i, c, 0, p);
              if (v > x(i, c, 0, best) || std::isnan(v)) best = p;
              total += v;
            }
            const double size = s.countPadding ? padded : static_cast<double>(window.size());
            const double g = gy(i, c, oy, ox);
            largest(i, c, oy, ox) = x(i, c, 0, best);
            where[largest.index(i, c, oy, ox)] = best;
            average(i, c, oy, ox) = total / size;
            toLargest(i, c, 0, best) += g;
            for (const int p : window) toAll(i, c, 0, p) += g / size;
          }
        }
      }
    }
  }
};

}  // namespace eznas::check
