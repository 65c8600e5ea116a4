// Every kernel of the network executor, at every SIMD level of this machine, against plain float64 loops.
#include "test/native/conv_check.h"
#include "test/native/kernel_check.h"
#include "test/native/pool_reference.h"

namespace eznas::check {
namespace {

struct MapSize {
  int n, c, h, w;
};
constexpr MapSize kSizes[] = {{1, 1, 1, 1}, {2, 16, 4, 4}, {3, 5, 3, 7}, {1, 33, 9, 5}, {2, 64, 8, 8}, {1, 17, 16, 33}};

/// Some values NaN or infinite.
void makeSpecial(Plain& p) {
  p.values.front() = kNaN;
  p.values[p.values.size() / 2] = kInf;
  p.values.back() = -kInf;
}

/// want = (accumulate ? before : 0) + want.
Plain accumulated(Plain want, const Plain& before, bool accumulate) {
  if (accumulate)
    for (size_t e = 0; e < want.values.size(); ++e) want.values[e] += before.values[e];
  return want;
}

void checkElementwise(const NetworkKernels& k, const MapSize& m, bool special) {
  Random random{static_cast<uint64_t>(m.c)};
  Plain x(m.n, m.c, m.h, m.w, random), z(m.n, m.c, m.h, m.w, random);
  const Plain third(m.n, m.c, m.h, m.w, random), before(m.n, m.c, m.h, m.w, random);
  x.values[0] = -0.0;
  if (special) makeSpecial(x), z.values.back() = kNaN;
  const Map xMap(x, 1), zMap(z, 0), thirdMap(third, 2);
  const size_t size = x.values.size();

  const Map filled(before, 2);
  k.fill(filled, 1.5f);
  Plain want = before;
  for (double& v : want.values) v = 1.5;
  expectMap(filled, want, 0, "fill");

  const FeatureMap inputs[] = {xMap, zMap, thirdMap};
  for (int count = 1; count <= 3; ++count) {
    want = x;
    for (size_t e = 0; e < size; ++e) {
      if (count > 1) want.values[e] += z.values[e];
      if (count > 2) want.values[e] += third.values[e];
    }
    const Map total(before, 1);
    k.sum(inputs, count, total);
    expectMap(total, want, 3e-7, "sum");
  }

  for (const bool accumulate : {false, true}) {
    const Map copied(before, 3), gradient(before, 2);
    k.copy(xMap, copied, accumulate);
    expectMap(copied, accumulated(x, before, accumulate), 3e-7, "copy");
    want = z;
    for (size_t e = 0; e < size; ++e) want.values[e] *= x.values[e];
    k.multiply(zMap, xMap, gradient, accumulate);
    expectMap(gradient, accumulated(want, before, accumulate), 3e-7, "multiply");
  }
}

/// A factor per image and channel, and its gradient.
void checkChannelFactors(const NetworkKernels& k, const MapSize& m, bool special) {
  Random random{static_cast<uint64_t>(m.h) + 3};
  Plain x(m.n, m.c, m.h, m.w, random), gy(m.n, m.c, m.h, m.w, random);
  const Plain factor(m.n, m.c, 1, 1, random), beforeMap(m.n, m.c, m.h, m.w, random),
      beforeFactor(m.n, m.c, 1, 1, random);
  if (special) makeSpecial(x), gy.values.back() = kNaN;
  const Map xMap(x, 2), gyMap(gy, 0), factorMap(factor, 1);
  for (const bool accumulate : {false, true}) {
    Plain want = x, sums(m.n, m.c, 1, 1);
    for (int i = 0; i < m.n; ++i)
      for (int c = 0; c < m.c; ++c)
        for (int y = 0; y < m.h; ++y)
          for (int w = 0; w < m.w; ++w) {
            want(i, c, y, w) *= factor(i, c, 0, 0);
            sums(i, c, 0, 0) += x(i, c, y, w) * gy(i, c, y, w);
          }
    const Map product(beforeMap, 1), gradient(beforeFactor, 1);
    k.multiply(xMap, factorMap, product, accumulate);
    expectMap(product, accumulated(want, beforeMap, accumulate), 3e-7, "multiply by channel");
    k.productSums(xMap, gyMap, gradient, accumulate);
    expectMap(gradient, accumulated(sums, beforeFactor, accumulate), 3e-7, "product sums");
  }
}

double activation(Activation kind, double x, double p) {
  switch (kind) {
    case Activation::relu:
      return p <= 0 ? 0 : x;
    case Activation::relu6:
      return p <= 0 ? 0 : p >= 6 ? 6 : x;
    case Activation::hardSwish:
      return p <= -3 ? 0 : p >= 3 ? x : x * (x + 3) / 6;
    case Activation::hardSigmoid:
      return p <= -3 ? 0 : p >= 3 ? 1 : (x + 3) / 6;
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
  }
  return kNaN;
}

/// The slope times g; `x` is what the kernels read it off.
double slope(Activation kind, double x, double p, double g) {
  switch (kind) {
    case Activation::relu:
      return p > 0 ? g : 0;
    case Activation::relu6:
      return p > 0 && p < 6 ? g : 0;
    case Activation::hardSwish:
      return p <= -3 ? 0 : p >= 3 ? g : g * (2 * x + 3) / 6;
    case Activation::hardSigmoid:
      return p > -3 && p < 3 ? g / 6 : 0;
    case Activation::sigmoid:
      return g * x * (1 - x);
  }
  return kNaN;
}

/// Every activation over a range with all of its pieces and kinks, on its own pieces and on those of another map.
void checkActivations(const NetworkKernels& k, const MapSize& m, bool special) {
  Random random{static_cast<uint64_t>(m.c) + 40};
  Plain x(m.n, m.c, m.h, m.w, random), other(m.n, m.c, m.h, m.w, random), gy(m.n, m.c, m.h, m.w, random);
  const Plain before(m.n, m.c, m.h, m.w, random);
  for (double& v : x.values) v *= 8;
  for (double& v : other.values) v *= 8;
  const double kinks[] = {-0.0, 3, -3, 6, 0, 100, -100, 1e-30};
  for (size_t e = 0; e < x.values.size() && e < 8; ++e) x.values[e] = static_cast<float>(kinks[e]);
  if (special) makeSpecial(x), gy.values.back() = kNaN;
  const Map xMap(x, 1), otherMap(other, 0), gyMap(gy, 2);
  for (const Activation kind :
       {Activation::relu, Activation::relu6, Activation::hardSwish, Activation::hardSigmoid, Activation::sigmoid}) {
    const std::string label = "activation " + std::to_string(static_cast<int>(kind));
    for (const bool own : {true, false}) {
      const Plain& pieces = own ? x : other;
      const Map& piecesMap = own ? xMap : otherMap;
      Plain want = before;
      for (size_t e = 0; e < want.values.size(); ++e) want.values[e] = activation(kind, x.values[e], pieces.values[e]);
      const Map y(before, 3);
      k.activate(kind, xMap, piecesMap, y);
      expectMap(y, want, 3e-7, label.c_str());
      // A sigmoid's slope is read off its output.
      const bool output = kind == Activation::sigmoid;
      Plain read = x;
      for (size_t e = 0; output && e < read.values.size(); ++e)
        read.values[e] = static_cast<float>(activation(kind, x.values[e], 0));
      const Map readMap(read, 1);
      for (const bool accumulate : {false, true}) {
        for (size_t e = 0; e < want.values.size(); ++e)
          want.values[e] = slope(kind, read.values[e], pieces.values[e], gy.values[e]);
        const Map gradient(before, 1);
        k.activateBackward(kind, readMap, piecesMap, gyMap, gradient, accumulate);
        expectMap(gradient, accumulated(want, before, accumulate), 5e-7, (label + " gradient").c_str());
      }
    }
  }
}

void checkCopyRegion(const NetworkKernels& k) {
  struct Region {
    int xc, yc, count, xy, xx, yy, yx, h, w;
  };
  Random random{5};
  const Plain x(2, 50, 5, 6, random), before(2, 70, 6, 5, random);
  const Region regions[] = {{0, 0, 50, 0, 0, 0, 0, 5, 5},  {0, 16, 32, 0, 1, 1, 0, 4, 5}, {3, 19, 21, 1, 0, 0, 1, 4, 4},
                            {16, 5, 34, 0, 0, 0, 0, 5, 5}, {49, 69, 1, 4, 5, 5, 4, 1, 1}, {5, 0, 45, 0, 0, 1, 0, 5, 5},
                            {0, 20, 50, 0, 0, 0, 0, 5, 5}, {2, 2, 10, 0, 0, 0, 0, 0, 0}};
  for (const Region& r : regions) {
    for (const bool accumulate : {false, true}) {
      Plain want = before;
      for (int i = 0; i < 2; ++i)
        for (int c = 0; c < r.count; ++c)
          for (int y = 0; y < r.h; ++y)
            for (int xx = 0; xx < r.w; ++xx) {
              double& v = want(i, r.yc + c, r.yy + y, r.yx + xx);
              v = (accumulate ? v : 0) + x(i, r.xc + c, r.xy + y, r.xx + xx);
            }
      const Map xMap(x, 1), got(before, 2);
      k.copyRegion(xMap, r.xc, r.xy, r.xx, got, r.yc, r.yy, r.yx, r.count, r.h, r.w, accumulate);
      expectMap(got, want, 3e-7, "copyRegion");
    }
  }
}

void checkBatchNorm(const NetworkKernels& k, const MapSize& m, double centre) {
  Random random{static_cast<uint64_t>(m.w)};
  const Plain x(m.n, m.c, m.h, m.w, random, centre), gy(m.n, m.c, m.h, m.w, random, 0.1);
  const Plain before(m.n, m.c, m.h, m.w, random);
  const Plain scale(1, m.c, 1, 1, random, 2), shift(1, m.c, 1, 1, random);
  const Map xMap(x, 1), gyMap(gy, 2);
  const int channels = xMap.blocks() * kLanes, per = m.h * m.w;
  const double count = static_cast<double>(m.n) * per;
  std::vector<double> mean(channels, 0), variance(channels, 0);
  std::vector<float> meanF(channels, 0), inverse(channels, 1), scaleF(channels, 1), shiftF(channels, 0);
  k.batchStatistics(xMap, mean.data(), variance.data());
  const auto total = [&](int c, auto f) {
    double t = 0;
    for (int i = 0; i < m.n; ++i)
      for (int p = 0; p < per; ++p) t += f(x.index(i, c, 0, p));
    return t;
  };
  for (int c = 0; c < m.c; ++c) {
    const double mu = total(c, [&](size_t e) { return x.values[e]; }) / count;
    const double var = total(c, [&](size_t e) { return (x.values[e] - mu) * (x.values[e] - mu); }) / count;
    expectNear(mean[c], mu, 1e-13 * (1 + std::abs(mu)), "mean");
    expectNear(variance[c], var, 1e-9 * var, "variance");
    meanF[c] = static_cast<float>(mu);
    inverse[c] = static_cast<float>(1 / std::sqrt(var + 1e-5));
    scaleF[c] = static_cast<float>(scale.values[c]), shiftF[c] = static_cast<float>(shift.values[c]);
  }
  for (int c = m.c; c < channels; ++c) meanF[c] = scaleF[c] = shiftF[c] = kNaN;  // never to be seen

  for (const bool affine : {false, true}) {
    Plain y(m.n, m.c, m.h, m.w), gx = y, magnitude = y;
    std::vector<double> gScale(m.c), gShift(m.c);
    for (int c = 0; c < m.c; ++c) {
      const double a = affine ? scaleF[c] : 1, b = affine ? shiftF[c] : 0, s = inverse[c];
      const auto hat = [&](size_t e) { return (x.values[e] - meanF[c]) * s; };
      gShift[c] = total(c, [&](size_t e) { return gy.values[e]; });
      gScale[c] = total(c, [&](size_t e) { return gy.values[e] * hat(e); });
      for (int i = 0; i < m.n; ++i) {
        for (int p = 0; p < per; ++p) {
          const size_t e = x.index(i, c, 0, p);
          y.values[e] = hat(e) * a + b;
          gx.values[e] = a * s * (gy.values[e] - gShift[c] / count - hat(e) * gScale[c] / count);
          magnitude.values[e] = 1 + std::abs(a * s) * (std::abs(gy.values[e]) + std::abs(gScale[c] * hat(e) / count));
        }
      }
    }
    const Map out(before, 1);
    k.normalizeForward(xMap, meanF.data(), inverse.data(), affine ? scaleF.data() : nullptr,
                       affine ? shiftF.data() : nullptr, out);
    expectMap(out, y, 1e-6, "normalized");
    for (const bool accumulate : {false, true}) {
      const Map gradient(before, 3);
      std::vector<float> gs(channels), gb(channels);
      k.normalizeBackward(xMap, gyMap, meanF.data(), inverse.data(), affine ? scaleF.data() : nullptr, gradient,
                          accumulate, affine ? gs.data() : nullptr, affine ? gb.data() : nullptr);
      expectMap(gradient, accumulated(gx, before, accumulate), magnitude, 1e-6, "normalization gradient");
      for (int c = 0; affine && c < m.c; ++c) {
        expectNear(gs[c], gScale[c], 1e-6 * count, "scale gradient");
        expectNear(gb[c], gShift[c], 1e-6 * count, "shift gradient");
      }
    }
  }
}

void checkBatchNormEdges(const NetworkKernels& k) {
  Plain x(3, 3, 5, 7);
  for (double& v : x.values) v = static_cast<float>(1234.567);
  x(0, 1, 0, 0) = kNaN, x(1, 2, 4, 6) = kInf;
  double mean[kLanes], variance[kLanes];
  const Map xMap(x, 0);
  k.batchStatistics(xMap, mean, variance);
  expectNear(mean[0], static_cast<float>(1234.567), 0, "mean of a constant");
  expectNear(variance[0], 0, 0, "variance of a constant");
  expectNear(mean[1], kNaN, 0, "mean with a NaN");
  expectNear(variance[1], kNaN, 0, "variance with a NaN");
  expectNear(mean[2], kInf, 0, "mean with an infinity");
  expectNear(variance[2], kNaN, 0, "variance with an infinity");
}

void checkPooling(const NetworkKernels& k, const PoolShape& s, const MapSize& m, bool ceilMode, bool special) {
  if (m.h + 2 * s.padH < s.kernelH || m.w + 2 * s.padW < s.kernelW) return;
  const int oh = windows(m.h, s.kernelH, s.strideH, s.padH, ceilMode),
            ow = windows(m.w, s.kernelW, s.strideW, s.padW, ceilMode);
  Random random{static_cast<uint64_t>(m.h)};
  Plain x(m.n, m.c, m.h, m.w, random);
  for (size_t e = 0; e < x.values.size(); e += 3) x.values[e] = 0.25;  // ties
  if (special) makeSpecial(x);
  const Plain gy(m.n, m.c, oh, ow, random), before(m.n, m.c, m.h, m.w, random);
  const auto [largest, average, toLargest, toAll, where] = PoolReference(s, x, gy);
  const Map xMap(x, 1), gyMap(gy, 1), y(Plain(m.n, m.c, oh, ow), 2), z(Plain(m.n, m.c, oh, ow), 0);
  std::vector<int32_t> argmax(static_cast<size_t>(m.n) * y.blocks() * oh * ow * kLanes, -1);
  k.maxPoolForward(s, xMap, y, argmax.data());
  expectMap(y, largest, 0, "max pool");
  for (int i = 0; i < m.n; ++i)
    for (int c = 0; c < m.c; ++c)
      for (int p = 0; p < oh * ow; ++p)
        expectNear(argmax[((static_cast<size_t>(i) * y.blocks() + c / kLanes) * oh * ow + p) * kLanes + c % kLanes],
                   where[largest.index(i, c, 0, p)], 0, "argmax");
  k.avgPoolForward(s, xMap, z);
  expectMap(z, average, 1e-6, "average pool");
  for (const bool accumulate : {false, true}) {
    const Map gxMax(before, 1), gxAverage(before, 2);
    k.maxPoolBackward(s, gyMap, argmax.data(), gxMax, accumulate);
    expectMap(gxMax, accumulated(toLargest, before, accumulate), 1e-6, "max pool gradient");
    k.avgPoolBackward(s, gyMap, gxAverage, accumulate);
    expectMap(gxAverage, accumulated(toAll, before, accumulate), 1e-6, "average pool gradient");
  }
}

void checkGlobalPool(const NetworkKernels& k, const MapSize& m) {
  Random random{3};
  const Plain x(m.n, m.c, m.h, m.w, random), g(m.n, m.c, 1, 1, random), before(m.n, m.c, m.h, m.w, random);
  Plain want(m.n, m.c, 1, 1), gx = x;
  for (int i = 0; i < m.n; ++i)
    for (int c = 0; c < m.c; ++c)
      for (int p = 0; p < m.h * m.w; ++p) {
        want(i, c, 0, 0) += x(i, c, 0, p) / (m.h * m.w);
        gx(i, c, 0, p) = g(i, c, 0, 0) / (m.h * m.w);
      }
  const Map xMap(x, 1), gMap(g, 0), y(g, 1);
  k.globalPoolForward(xMap, y);
  expectMap(y, want, 1e-7, "global pool");
  for (const bool accumulate : {false, true}) {
    const Map gradient(before, 1);
    k.globalPoolBackward(gMap, gradient, accumulate);
    expectMap(gradient, accumulated(gx, before, accumulate), 3e-7, "global pool gradient");
  }
}

void checkLinear(const NetworkKernels& k, const MapSize& m, int features, bool withBias) {
  Random random{static_cast<uint64_t>(features)};
  const int size = m.c * m.h * m.w;
  const Plain x(m.n, m.c, m.h, m.w, random), w(1, 1, features, size, random), bias(1, features, 1, 1, random);
  const Plain gy(m.n, features, 1, 1, random), before(m.n, m.c, m.h, m.w, random);
  Plain y(m.n, features, 1, 1), gx(m.n, m.c, m.h, m.w), gw(1, 1, features, size), gb(1, features, 1, 1);
  for (int i = 0; i < m.n; ++i)
    for (int f = 0; f < features; ++f) {
      const double g = gy(i, f, 0, 0);
      gb.values[f] += g;
      if (withBias) y(i, f, 0, 0) = bias.values[f];
      for (int e = 0; e < size; ++e) {
        const double v = x.values[static_cast<size_t>(i) * size + e];
        y(i, f, 0, 0) += v * w(0, 0, f, e);
        gw(0, 0, f, e) += v * g;
        gx.values[static_cast<size_t>(i) * size + e] += g * w(0, 0, f, e);
      }
    }
  const Map xMap(x, 1), gyMap(gy, 0), out(gy, 1);
  Buffer scratch(k.linearScratchSize(xMap, features)), gwGot(gw.values.size()), gbGot(features);
  k.linearForward(xMap, w.floats().data(), withBias ? bias.floats().data() : nullptr, out, scratch.data);
  expectMap(out, y, 1e-6 * std::sqrt(size), "linear");
  for (const bool accumulate : {false, true}) {
    const Map gradient(before, 1);
    k.linearBackward(xMap, gyMap, w.floats().data(), &gradient, accumulate, gwGot.data, withBias ? gbGot.data : nullptr,
                     scratch.data);
    expectMap(gradient, accumulated(gx, before, accumulate), 1e-6 * std::sqrt(features), "linear gradient");
    for (size_t e = 0; e < gw.values.size(); ++e)
      expectNear(gwGot.data[e], gw.values[e], 1e-6 * m.n, "weight gradient");
    for (int f = 0; withBias && f < features; ++f) expectNear(gbGot.data[f], gb.values[f], 1e-6 * m.n, "bias gradient");
  }
  k.linearBackward(xMap, gyMap, w.floats().data(), nullptr, false, gwGot.data, nullptr, scratch.data);
  for (size_t e = 0; e < gw.values.size(); ++e) expectNear(gwGot.data[e], gw.values[e], 1e-6 * m.n, "weight gradient");
}

void checkLayout(const NetworkKernels& k, const MapSize& m) {
  Random random{9};
  Plain x(m.n, m.c, m.h, m.w, random), mask(m.n, m.c, m.h, m.w, random);
  const Plain base(m.n, m.c, m.h, m.w, random), before(m.n, m.c, m.h, m.w, random);
  makeSpecial(x);
  mask.values[mask.values.size() / 2] = kNaN;
  const Map xMap(x, 1), maskMap(mask, 2), packed(before, 1);
  k.pack(x.floats().data(), packed);
  expectMap(packed, x, 0, "pack");
  const std::vector<float> baseFloats = base.floats();
  for (const float* b : {static_cast<const float*>(nullptr), baseFloats.data()}) {
    Plain want = x, wantMasked = x;
    for (size_t e = 0; e < x.values.size(); ++e) {
      if (!(mask.values[e] > 0)) wantMasked.values[e] = 0;
      if (b) want.values[e] -= base.values[e], wantMasked.values[e] -= base.values[e];
    }
    const std::vector<double> ones(x.values.size(), 1);
    Buffer plain(x.values.size() + kLanes), plainMasked(x.values.size() + kLanes);
    k.unpack(xMap, b, plain.data);
    k.unpackMasked(xMap, maskMap, b, plainMasked.data);
    expectFloats(plain.data, want.values, ones, 2e-7, "unpack");
    expectFloats(plainMasked.data, wantMasked.values, ones, 2e-7, "unpackMasked");
    for (int e = 0; e < kLanes; ++e)
      if (!std::isnan(plain.data[x.values.size() + e]) || !std::isnan(plainMasked.data[x.values.size() + e]))
        fail("unpack wrote past the end");
  }
}

void checkAll(const NetworkKernels& k) {
  checkConvolutions(k);
  checkCopyRegion(k);
  checkBatchNormEdges(k);
  const PoolShape pools[] = {{3, 3, 1, 1, 1, 1, false}, {3, 3, 1, 1, 1, 1, true}, {2, 2, 2, 2, 0, 0, true},
                             {3, 3, 2, 2, 1, 1, false}, {5, 3, 3, 2, 2, 1, true}, {1, 1, 2, 2, 0, 0, false}};
  for (const MapSize& m : kSizes) {
    for (const bool special : {false, true}) {
      checkElementwise(k, m, special);
      checkChannelFactors(k, m, special);
      checkActivations(k, m, special);
      for (const PoolShape& s : pools)
        for (const bool ceilMode : {false, true}) checkPooling(k, s, m, ceilMode, special);
    }
    for (const double centre : {0.0, 3.0, 1e4}) checkBatchNorm(k, m, centre);
    checkGlobalPool(k, m);
    checkLinear(k, m, 10, true);
    checkLinear(k, m, 37, false);
    checkLayout(k, m);
  }
  checkLayout(k, {2, 20, 32, 32});
  checkLayout(k, {1, 16, 64, 16});
}

}  // namespace
}  // namespace eznas::check

int main() { return eznas::check::checkEveryLevel(eznas::check::checkAll); }
