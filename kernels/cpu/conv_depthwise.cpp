// Depthwise convolution: every channel on its own, so lanes never mix and each multiply-add needs a load of its own.
#include "kernels/cpu/conv.h"

namespace eznas::EZNAS_ISA {

size_t depthwisePackedSize(const ConvShape& s) {
  return static_cast<size_t>(blocksOf(s.inChannels)) * s.kernelH * s.kernelW * kLanes;
}

void depthwisePack(const ConvShape& s, const float* weight, float* packed) {
  const int taps = s.kernelH * s.kernelW;
  for (int b = 0; b < blocksOf(s.inChannels); ++b)
    for (int t = 0; t < taps; ++t)
      for (int l = 0; l < kLanes; ++l) {
        const int c = b * kLanes + l;
        *packed++ = c < s.inChannels ? weight[c * taps + t] : 0.0f;
      }
}

namespace {

/// Per-lane sweep: y[row][col] (+)= Σ over taps of x[pixel under (row, col) + tap] · weight[tap].
struct LaneSweep {
  const float* x;
  ptrdiff_t xRow, xCol, tapRow, tapCol;
  float* y;
  ptrdiff_t yRow, yCol;
  int rows, cols, tapRows, tapCols;
  const float* weights;  // of the first tap; the next lie weightRow and weightCol on
  ptrdiff_t weightRow, weightCol;
};

/// P pixels of a row, one register of lanes.
template <int P>
[[gnu::always_inline]] inline void pixels(const LaneSweep& s, const float* x, float* y, const float* w, Reg start,
                                          bool accumulate, RegInt mask) {
  Reg acc[P];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) acc[p] = accumulate ? loadReg(y + p * s.yCol) : start;
  for (int ky = 0; ky < s.tapRows; ++ky) {
    for (int kx = 0; kx < s.tapCols; ++kx) {
      const Reg tap = loadReg(w + ky * s.weightRow + kx * s.weightCol);
      const float* in = x + ky * s.tapRow + kx * s.tapCol;
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) acc[p] += loadReg(in + p * s.xCol) * tap;
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) storeReg(y + p * s.yCol, masked(acc[p], mask));
}

void run(const LaneSweep& s, const float* start, bool accumulate, int channels, int block) {
  for (int l = 0; l < kPerBlock; ++l) {
    const Reg from = loadReg(start + l * kWidth);
    const RegInt mask = laneMask(channels, block, l);
    for (int row = 0; row < s.rows; ++row) {
      const float* x = s.x + row * s.xRow + l * kWidth;
      float* y = s.y + row * s.yRow + l * kWidth;
      int col = 0;
      for (; col + 8 <= s.cols; col += 8)
        pixels<8>(s, x + col * s.xCol, y + col * s.yCol, s.weights + l * kWidth, from, accumulate, mask);
      if (col + 4 <= s.cols) {
        pixels<4>(s, x + col * s.xCol, y + col * s.yCol, s.weights + l * kWidth, from, accumulate, mask);
        col += 4;
      }
      for (; col < s.cols; ++col)
        pixels<1>(s, x + col * s.xCol, y + col * s.yCol, s.weights + l * kWidth, from, accumulate, mask);
    }
  }
}

}  // namespace

void depthwiseForward(const ConvShape& s, const FeatureMap& x, const float* packed, const float* bias,
                      const FeatureMap& y, double* sums, double* squares) {
  for (int b = 0; b < y.blocks(); ++b) {
    float start[kLanes];
    const int channels = channelsInBlock(y.c, b);
    for (int l = 0; l < kLanes; ++l) start[l] = bias && l < channels ? bias[b * kLanes + l] : 0.0f;
    const View from = viewOf(x, b), to = viewOf(y, b);
    for (int i = 0; i < y.n; ++i)
      run({.x = from.origin + i * from.image - s.padH * from.row - s.padW * kLanes,
           .xRow = s.strideH * from.row,
           .xCol = s.strideW * kLanes,
           .tapRow = s.dilationH * from.row,
           .tapCol = s.dilationW * kLanes,
           .y = to.origin + i * to.image,
           .yRow = to.row,
           .yCol = kLanes,
           .rows = y.h,
           .cols = y.w,
           .tapRows = s.kernelH,
           .tapCols = s.kernelW,
           .weights = packed + static_cast<ptrdiff_t>(b) * s.kernelH * s.kernelW * kLanes,
           .weightRow = s.kernelW * kLanes,
           .weightCol = kLanes},
          start, false, y.c, b);
    if (sums) {
      double sum[kLanes], square[kLanes];
      blockSums(y, b, sum, square);
      for (int l = 0; l < channels; ++l) sums[b * kLanes + l] = sum[l], squares[b * kLanes + l] = square[l];
    }
  }
}

void depthwiseBackwardData(const ConvShape& s, const FeatureMap& gy, const float* packed, const FeatureMap& gx,
                           bool accumulate) {
  const float start[kLanes]{};
  for (int py = 0; py < s.strideH; ++py) {
    const PhaseTaps rows = phaseTaps(py, s.kernelH, s.strideH, s.padH, s.dilationH);
    for (int px = 0; px < s.strideW; ++px) {
      const PhaseTaps cols = phaseTaps(px, s.kernelW, s.strideW, s.padW, s.dilationW);
      for (int b = 0; b < gx.blocks(); ++b) {
        const View from = viewOf(gy, b), to = viewOf(gx, b);
        const float* weights = packed + static_cast<ptrdiff_t>(b) * s.kernelH * s.kernelW * kLanes;
        for (int i = 0; i < gx.n; ++i)
          run({.x = from.origin + i * from.image + rows.offset * from.row + cols.offset * kLanes,
               .xRow = from.row,
               .xCol = kLanes,
               .tapRow = rows.offsetStep * from.row,
               .tapCol = cols.offsetStep * kLanes,
               .y = to.origin + i * to.image + py * to.row + px * kLanes,
               .yRow = s.strideH * to.row,
               .yCol = s.strideW * kLanes,
               .rows = (gx.h - py + s.strideH - 1) / s.strideH,
               .cols = (gx.w - px + s.strideW - 1) / s.strideW,
               .tapRows = cols.count > 0 ? rows.count : 0,
               .tapCols = cols.count,
               .weights = weights + (rows.last * s.kernelW + cols.last) * kLanes,
               .weightRow = -rows.step * s.kernelW * kLanes,
               .weightCol = -cols.step * kLanes},
              start, accumulate, gx.c, b);
      }
    }
  }
}

namespace {

/// Σ x · gy for K neighbouring taps of a kernel row, one register of channels; x lies under the first tap. Pixels take
/// turns on several sets of sums to hide the latency of the multiply-add; the taps share the load of gy.
template <int K>
void tapSums(const ConvShape& s, const View& from, const float* x, const View& at, const float* gy, int images,
             int rows, int cols, Reg* sums) {
  constexpr int kTurns = K == 1 ? 4 : 2;
  const ptrdiff_t xCol = s.strideW * kLanes, tap = s.dilationW * kLanes;
  Reg acc[kTurns][K]{};
  for (int i = 0; i < images; ++i) {
    for (int row = 0; row < rows; ++row) {
      const float* p = x + i * from.image + row * s.strideH * from.row;
      const float* q = gy + i * at.image + row * at.row;
      int col = 0;
      for (; col + kTurns <= cols; col += kTurns, p += kTurns * xCol, q += kTurns * kLanes) {
#pragma GCC unroll 4
        for (int t = 0; t < kTurns; ++t) {
          const Reg g = loadReg(q + t * kLanes);
#pragma GCC unroll 4
          for (int k = 0; k < K; ++k) acc[t][k] += loadReg(p + t * xCol + k * tap) * g;
        }
      }
      for (; col < cols; ++col, p += xCol, q += kLanes) {
        const Reg g = loadReg(q);
#pragma GCC unroll 4
        for (int k = 0; k < K; ++k) acc[0][k] += loadReg(p + k * tap) * g;
      }
    }
  }
  for (int k = 0; k < K; ++k) {
    sums[k] = acc[0][k];
    for (int t = 1; t < kTurns; ++t) sums[k] += acc[t][k];
  }
}

}  // namespace

void depthwiseBackwardWeights(const ConvShape& s, const FeatureMap& x, const FeatureMap& gy, float* gw) {
  const int taps = s.kernelH * s.kernelW;
  for (int b = 0; b < x.blocks(); ++b) {
    const View from = viewOf(x, b), at = viewOf(gy, b);
    for (int l = 0; l < kLanes; l += kWidth) {
      for (int ky = 0; ky < s.kernelH; ++ky) {
        for (int kx = 0; kx < s.kernelW;) {
          const float* first =
              from.origin + (ky * s.dilationH - s.padH) * from.row + (kx * s.dilationW - s.padW) * kLanes + l;
          const int count = s.kernelW - kx >= 3 ? 3 : 1;
          Reg sums[3];
          (count == 3 ? tapSums<3> : tapSums<1>)(s, from, first, at, at.origin + l, gy.n, gy.h, gy.w, sums);
          for (int k = 0; k < count; ++k, ++kx) {
            for (int lane = 0; lane < kWidth; ++lane) {
              const int c = b * kLanes + l + lane;
              if (c < x.c) gw[static_cast<ptrdiff_t>(c) * taps + ky * s.kernelW + kx] = sums[k][lane];
            }
          }
        }
      }
    }
  }
}

}  // namespace eznas::EZNAS_ISA
