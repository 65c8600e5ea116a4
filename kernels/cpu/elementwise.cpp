// Elementwise kernels: one pass over the rows of the interior, a register at a time. They run at the speed of memory
// (one load and one store per register and operand), so nothing is unrolled by hand.
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"
#include "kernels/cpu/rows.h"

namespace eznas::EZNAS_ISA {
void fill(const FeatureMap& y, float value) {
  forEachRow(y, [&](int i, int b, int row) {
    float* p = y.at(i, b, row, 0);
    for (int r = 0; r < kPerBlock; ++r) {
      const Reg v = masked(value - Reg{}, laneMask(y.c, b, r));
      for (int x = 0; x < y.w; ++x) storeReg(p + x * kLanes + r * kWidth, v);
    }
  });
}

void copy(const FeatureMap& x, const FeatureMap& y, bool accumulate) {
  forEachRow(y, [&](int i, int b, int row) {
    const float* p = x.at(i, b, row, 0);
    writeRow(y.at(i, b, row, 0), y.w * kLanes, accumulate, [&](int k) { return loadReg(p + k); });
  });
}

void sum(const FeatureMap* inputs, int count, const FeatureMap& y) {
  if (count == 0) return fill(y, 0.0f);
  if (count == 1) return copy(inputs[0], y, false);
  forEachRow(y, [&](int i, int b, int row) {
    float* out = y.at(i, b, row, 0);
    const float* first = inputs[0].at(i, b, row, 0);
    const float* second = inputs[1].at(i, b, row, 0);
    writeRow(out, y.w * kLanes, false, [&](int k) { return loadReg(first + k) + loadReg(second + k); });
    for (int j = 2; j < count; ++j) {
      const float* p = inputs[j].at(i, b, row, 0);
      writeRow(out, y.w * kLanes, true, [&](int k) { return loadReg(p + k); });
    }
  });
}

void multiply(const FeatureMap& x, const FeatureMap& factor, const FeatureMap& y, bool accumulate) {
  const bool perChannel = factor.h == 1 && factor.w == 1;
  forEachRow(y, [&](int i, int b, int row) {
    const float* p = x.at(i, b, row, 0);
    float* out = y.at(i, b, row, 0);
    if (perChannel) {
      const float* f = factor.at(i, b, 0, 0);
      writeRow(out, y.w * kLanes, accumulate, [&](int k) { return loadReg(p + k) * loadReg(f + k % kLanes); });
    } else {
      const float* f = factor.at(i, b, row, 0);
      writeRow(out, y.w * kLanes, accumulate, [&](int k) { return loadReg(p + k) * loadReg(f + k); });
    }
  });
}

void productSums(const FeatureMap& x, const FeatureMap& gy, const FeatureMap& gFactor, bool accumulate) {
  constexpr int kHalf = kWidth / 2;
  for (int i = 0; i < x.n; ++i) {
    for (int b = 0; b < x.blocks(); ++b) {
      float* out = gFactor.at(i, b, 0, 0);
      for (int r = 0; r < kLanes; r += kHalf) {
        RegDouble total{};
        for (int row = 0; row < x.h; ++row) {
          const float* p = x.at(i, b, row, 0) + r;
          const float* g = gy.at(i, b, row, 0) + r;
          for (int k = 0; k < x.w * kLanes; k += kLanes) total += loadDouble(p + k) * loadDouble(g + k);
        }
        const RegHalf sums = __builtin_convertvector(total, RegHalf);
        storeReg(out + r, accumulate ? loadAs<RegHalf>(out + r) + sums : sums);
      }
    }
  }
}

void copyRegion(const FeatureMap& x, int xc, int xy, int xx, const FeatureMap& y, int yc, int yy, int yx, int count,
                int h, int w, bool accumulate) {
  // Runs of channels that stay within one block on both sides.
  for (int done = 0, run = 0; done < count; done += run) {
    const int from = (xc + done) % kLanes, to = (yc + done) % kLanes;
    run = smaller(count - done, kLanes - larger(from, to));
    for (int i = 0; i < y.n; ++i) {
      for (int row = 0; row < h; ++row) {
        const float* p = x.at(i, (xc + done) / kLanes, xy + row, xx) + from;
        float* q = y.at(i, (yc + done) / kLanes, yy + row, yx) + to;
        if (run == kLanes) {
          writeRow(q, w * kLanes, accumulate, [&](int k) { return loadReg(p + k); });
        } else {
          for (int k = 0; k < w * kLanes; k += kLanes)
            for (int l = k; l < k + run; ++l) q[l] = accumulate ? q[l] + p[l] : p[l];
        }
      }
    }
  }
}

}  // namespace eznas::EZNAS_ISA
