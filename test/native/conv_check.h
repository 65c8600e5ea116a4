#pragma once
// Convolution in all three directions against plain float64 loops.
#include "native/core/simd.h"
#include "test/native/kernel_check.h"

namespace eznas::check {

struct ConvCase {
  ConvShape shape;
  int n, h, w;
};

struct ConvReference {
  Plain y, yMagnitude, gx, gxMagnitude;
  std::vector<double> gw, gwMagnitude, gb;
};

/// The definition: every product of an output pixel, a tap and an input channel once. Padding counts as zeros.
inline ConvReference convReference(const ConvShape& s, const Plain& x, const Plain& gy, const std::vector<double>& w,
                                   const double* bias) {
  const int inner = s.inChannels / s.groups, outer = s.outChannels / s.groups;
  ConvReference r;
  r.y = r.yMagnitude = Plain(gy.n, gy.c, gy.h, gy.w);
  r.gx = r.gxMagnitude = Plain(x.n, x.c, x.h, x.w);
  r.gw.assign(w.size(), 0);
  r.gwMagnitude = r.gw;
  r.gb.assign(gy.c, 0);
  for (int i = 0; i < gy.n; ++i) {
    for (int oc = 0; oc < gy.c; ++oc) {
      for (int oy = 0; oy < gy.h; ++oy) {
        for (int ox = 0; ox < gy.w; ++ox) {
          const double g = gy(i, oc, oy, ox);
          r.gb[oc] += g;
          double& out = r.y(i, oc, oy, ox);
          double& outMagnitude = r.yMagnitude(i, oc, oy, ox);
          out = bias ? bias[oc] : 0;
          outMagnitude = std::abs(out);
          size_t k = static_cast<size_t>(oc) * inner * s.kernelH * s.kernelW;
          for (int j = 0; j < inner; ++j) {
            for (int ky = 0; ky < s.kernelH; ++ky) {
              for (int kx = 0; kx < s.kernelW; ++kx, ++k) {
                const int ic = oc / outer * inner + j;
                const int iy = oy * s.strideH + ky * s.dilationH - s.padH;
                const int ix = ox * s.strideW + kx * s.dilationW - s.padW;
                const double v = x.padded(i, ic, iy, ix);
                out += v * w[k];
                r.gw[k] += v * g;
                if (std::isfinite(v)) outMagnitude += std::abs(v * w[k]);
                if (std::isfinite(v * g)) r.gwMagnitude[k] += std::abs(v * g);
                if (iy < 0 || ix < 0 || iy >= x.h || ix >= x.w) continue;
                r.gx(i, ic, iy, ix) += w[k] * g;
                if (std::isfinite(g)) r.gxMagnitude(i, ic, iy, ix) += std::abs(w[k] * g);
              }
            }
          }
        }
      }
    }
  }
  return r;
}

inline std::string describe(const ConvCase& c) {
  const ConvShape& s = c.shape;
  char text[200];
  std::snprintf(text, sizeof text,
                "conv %d→%d groups %d kernel %d×%d stride %d,%d pad %d,%d dilation %d,%d on %d×%d×%d", s.inChannels,
                s.outChannels, s.groups, s.kernelH, s.kernelW, s.strideH, s.strideW, s.padH, s.padW, s.dilationH,
                s.dilationW, c.n, c.h, c.w);
  return text;
}

enum class Values { finite, special };  // special: some NaN and infinities

/// Runs one case through the table and compares; extraHalo is added to what the kernels ask for.
inline void checkConv(const NetworkKernels& k, const ConvCase& c, Values values, bool withBias, int extraHalo) {
  constexpr double kRelative = 1e-6;
  const ConvShape& s = c.shape;
  const int oh = s.outH(c.h), ow = s.outW(c.w);
  const std::string outer = context;
  context = outer + " " + describe(c) + (values == Values::special ? " special" : "");

  Random random{static_cast<uint64_t>(c.h * 131 + s.inChannels * 17 + s.outChannels)};
  Plain x(c.n, s.inChannels, c.h, c.w, random), gy(c.n, s.outChannels, oh, ow, random);
  const Plain w(s.outChannels, s.inChannels / s.groups, s.kernelH, s.kernelW, random);
  const Plain bias(1, s.outChannels, 1, 1, random), before(c.n, s.inChannels, c.h, c.w, random);
  if (values == Values::special) {
    x.values.front() = kNaN, x.values[x.values.size() / 2] = kInf, x.values.back() = -kInf;
    gy.values[gy.values.size() / 3] = kInf, gy.values.back() = kNaN;
  }
  ConvReference want = convReference(s, x, gy, w.values, withBias ? bias.values.data() : nullptr);

  Buffer forward(k.convPackedSize(s)), backward(k.convPackedSize(s)), scratch(k.convScratchSize(s, c.n, c.h, c.w));
  k.convPackForward(s, w.floats().data(), forward.data);
  k.convPackBackward(s, w.floats().data(), backward.data);
  const Map xMap(x, k.convInputHalo(s) + extraHalo), gyMap(gy, k.convGradientHalo(s) + 2 * extraHalo);
  const Map y(Plain(c.n, s.outChannels, oh, ow), extraHalo), gx(Plain(c.n, s.inChannels, c.h, c.w), 3 * extraHalo);

  std::vector<double> sums(s.outChannels, 7), squares(s.outChannels, 7);
  k.convForward(s, xMap, forward.data, withBias ? bias.floats().data() : nullptr, y, sums.data(), squares.data(),
                scratch.data);
  expectMap(y, want.y, want.yMagnitude, kRelative, "y");
  for (int oc = 0; oc < s.outChannels; ++oc) {
    double sum = 0, square = 0;  // of the values as written
    for (int i = 0; i < c.n; ++i)
      for (int oy = 0; oy < oh; ++oy)
        for (int ox = 0; ox < ow; ++ox) sum += y(i, oc, oy, ox), square += std::pow(y(i, oc, oy, ox), 2);
    expectNear(sums[oc], sum, 1e-10, "Σy");
    expectNear(squares[oc], square, 1e-10 * (1 + square), "Σy²");
  }
  const std::vector<float> once(y.data, y.data + y.floats());
  k.convForward(s, xMap, forward.data, withBias ? bias.floats().data() : nullptr, y, nullptr, nullptr, scratch.data);
  if (std::memcmp(once.data(), y.data, y.floats() * sizeof(float)) != 0) fail("y differs without sums");

  for (const bool accumulate : {false, true}) {
    if (accumulate)
      for (size_t e = 0; e < want.gx.values.size(); ++e) want.gx.values[e] += before.values[e];
    const Map target(before, gx.halo);
    k.convBackwardData(s, gyMap, backward.data, target, accumulate, scratch.data);
    Plain magnitude = want.gxMagnitude;
    for (double& v : magnitude.values) v += 1;
    expectMap(target, want.gx, magnitude, kRelative, accumulate ? "accumulated gx" : "gx");
  }

  Buffer gw(w.values.size()), gb(s.outChannels);
  k.convBackwardWeights(s, xMap, gyMap, gw.data, withBias ? gb.data : nullptr, scratch.data);
  expectFloats(gw.data, want.gw, want.gwMagnitude, kRelative, "gw");
  if (withBias)
    for (int oc = 0; oc < s.outChannels; ++oc) expectNear(gb.data[oc], want.gb[oc], 1e-6 * c.n * oh * ow, "gb");
  context = outer;
}

/// Shapes of all kinds that kernels must take.
inline std::vector<ConvCase> convCases() {
  std::vector<ConvCase> cases = {
      // The stages of a NAS-Bench-201 network, its stem, reductions and residual shortcuts.
      {{3, 16, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 2, 32, 32},
      {{16, 16, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 1, 32, 32},
      {{32, 32, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 1, 16, 16},
      {{64, 64, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 2, 8, 8},
      {{16, 32, 1, 3, 3, 2, 2, 1, 1, 1, 1}, 1, 32, 32},
      {{32, 64, 1, 1, 1, 1, 1, 0, 0, 1, 1}, 2, 8, 8},
      // Channels that fill no block, or one and a bit; odd and tiny maps.
      {{1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1}, 1, 1, 1},
      {{1, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 1, 1, 1},
      {{5, 7, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 3, 5, 7},
      {{17, 33, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 2, 9, 11},
      {{40, 48, 1, 1, 1, 1, 1, 0, 0, 1, 1}, 2, 7, 3},
      {{20, 24, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 5, 2, 2},
      {{16, 80, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 1, 4, 4},
      // Strides that leave a remainder, that skip inputs, and that differ per axis.
      {{8, 20, 1, 1, 1, 2, 2, 0, 0, 1, 1}, 2, 9, 8},
      {{18, 16, 1, 3, 3, 2, 2, 1, 1, 1, 1}, 1, 8, 9},
      {{6, 16, 1, 3, 3, 3, 3, 0, 0, 1, 1}, 1, 10, 11},
      {{6, 9, 1, 2, 2, 3, 3, 0, 0, 1, 1}, 1, 11, 10},
      {{16, 16, 1, 3, 5, 1, 2, 1, 2, 1, 1}, 1, 7, 9},
      {{3, 16, 1, 4, 4, 4, 4, 0, 0, 1, 1}, 1, 16, 16},
      // Dilation, one-dimensional kernels, large kernels, padding up to the kernel, no padding.
      {{16, 16, 1, 3, 3, 1, 1, 2, 2, 2, 2}, 1, 8, 8},
      {{16, 16, 1, 3, 3, 2, 2, 2, 2, 2, 2}, 2, 9, 9},
      {{9, 16, 1, 3, 3, 2, 2, 3, 3, 3, 3}, 1, 12, 11},
      {{12, 10, 1, 1, 7, 1, 1, 0, 3, 1, 1}, 1, 9, 9},
      {{12, 10, 1, 7, 1, 1, 1, 3, 0, 1, 1}, 1, 9, 9},
      {{10, 20, 1, 1, 7, 1, 2, 0, 3, 1, 1}, 1, 9, 10},
      {{20, 10, 1, 7, 1, 2, 1, 3, 0, 1, 1}, 1, 9, 5},
      {{16, 16, 1, 5, 5, 1, 1, 2, 2, 1, 1}, 1, 6, 6},
      {{3, 20, 1, 7, 7, 2, 2, 3, 3, 1, 1}, 1, 15, 15},
      {{16, 16, 1, 3, 3, 1, 1, 3, 3, 1, 1}, 1, 4, 5},
      {{4, 16, 1, 3, 3, 2, 2, 3, 3, 1, 1}, 1, 5, 6},
      {{16, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 1, 4, 4},
      {{16, 4, 1, 1, 1, 2, 2, 1, 1, 1, 1}, 1, 4, 5},
      {{16, 32, 1, 3, 3, 1, 1, 0, 0, 1, 1}, 1, 5, 3},
      // Groups that are whole blocks, groups that are not, depthwise and depthwise with a multiplier.
      {{32, 64, 2, 3, 3, 1, 1, 1, 1, 1, 1}, 2, 6, 6},
      {{32, 32, 2, 1, 1, 2, 2, 0, 0, 1, 1}, 1, 5, 5},
      {{12, 18, 3, 3, 3, 1, 1, 1, 1, 1, 1}, 2, 5, 6},
      {{24, 48, 3, 3, 3, 2, 2, 1, 1, 1, 1}, 1, 7, 7},
      {{16, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1}, 2, 8, 8},
      {{21, 21, 21, 3, 3, 1, 1, 1, 1, 1, 1}, 2, 5, 7},
      {{36, 36, 36, 5, 5, 2, 2, 2, 2, 1, 1}, 1, 9, 10},
      {{16, 16, 16, 3, 3, 1, 1, 2, 2, 2, 2}, 1, 8, 8},
      {{16, 16, 16, 7, 7, 1, 1, 3, 3, 1, 1}, 1, 7, 6},
      {{18, 18, 18, 7, 7, 2, 2, 3, 3, 1, 1}, 1, 8, 9},
      {{16, 16, 16, 5, 5, 2, 2, 4, 4, 2, 2}, 1, 9, 8},
      {{16, 16, 16, 1, 7, 1, 2, 0, 3, 1, 1}, 1, 7, 8},
      {{16, 16, 16, 5, 5, 3, 3, 2, 2, 1, 1}, 1, 10, 7},
      {{6, 12, 6, 3, 3, 1, 1, 1, 1, 1, 1}, 1, 5, 5},
  };
  // Every width and height near the register tiles' sizes, for one and two output blocks.
  for (const int out : {16, 32})
    for (int w = 1; w <= 19; ++w) cases.push_back({{3, out, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 1, w % 5 + 1, w});
  return cases;
}

inline void checkConvolutions(const NetworkKernels& k) {
  int index = 0;
  for (const ConvCase& c : convCases()) {
    checkConv(k, c, Values::finite, index % 2 == 0, index % 3);
    checkConv(k, c, Values::special, index % 2 == 1, (index + 1) % 3);
    ++index;
  }
}

/// Runs checks at every SIMD level of this machine and prints how many there were. Returns the process's exit status.
inline int checkEveryLevel(void (*checkAll)(const NetworkKernels&)) {
  for (const SimdLevel level : supportedSimdLevels()) {
    context = name(level);
    checkAll(networkKernels(level));
  }
  std::printf("%d comparisons, %d failures\n", comparisons, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace eznas::check
