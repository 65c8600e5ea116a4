// What 3×3 convolutions of stride 1 keep where a level computes them by Winograd's algorithm: the accuracy of direct
// summation, exact zeros, infinities and NaN in their places, and values near the largest float.
#include "native/core/simd.h"
#include "test/native/conv_check.h"

namespace eznas::check {
namespace {

constexpr ConvShape square(int in, int out) { return {in, out, 1, 3, 3, 1, 1, 1, 1, 1, 1}; }

struct Results {
  std::vector<float> y, gx, gw;
};

std::vector<float> plainOf(const Map& m) {
  std::vector<float> values;
  for (int i = 0; i < m.n; ++i)
    for (int ch = 0; ch < m.c; ++ch)
      for (int y = 0; y < m.h; ++y)
        for (int x = 0; x < m.w; ++x) values.push_back(m(i, ch, y, x));
  return values;
}

Results convolve(const NetworkKernels& k, const ConvShape& s, const Plain& x, const Plain& gy, const Plain& w) {
  Buffer forward(k.convPackedSize(s)), backward(k.convPackedSize(s)), scratch(k.convScratchSize(s, x.n, x.h, x.w));
  k.convPackForward(s, w.floats().data(), forward.data);
  k.convPackBackward(s, w.floats().data(), backward.data);
  const Map xMap(x, 1), gyMap(gy, 1), y(Plain(gy.n, gy.c, gy.h, gy.w), 0), gx(Plain(x.n, x.c, x.h, x.w), 0);
  Buffer gw(w.values.size());
  k.convForward(s, xMap, forward.data, nullptr, y, nullptr, nullptr, scratch.data);
  k.convBackwardData(s, gyMap, backward.data, gx, false, scratch.data);
  k.convBackwardWeights(s, xMap, gyMap, gw.data, nullptr, scratch.data);
  return {plainOf(y), plainOf(gx), {gw.data, gw.data + w.values.size()}};
}

/// Root mean square of the errors.
double errorOf(const std::vector<float>& got, const std::vector<double>& want) {
  double total = 0;
  for (size_t e = 0; e < want.size(); ++e) total += std::pow(got[e] - want[e], 2);
  return std::sqrt(total / static_cast<double>(want.size()));
}

/// Errors against float64 stay within a factor of those of the level that sums directly.
void checkAccuracy(const NetworkKernels& k, const ConvShape& s, int n, int h, int w, bool rectified) {
  constexpr double kFactor = 1.25;
  Random random{7};
  Plain x(n, s.inChannels, h, w, random);
  if (rectified)
    for (double& v : x.values) v = std::fmax(v, 0);
  const Plain gy(n, s.outChannels, h, w, random), weight(s.outChannels, s.inChannels, 3, 3, random);
  const ConvReference want = convReference(s, x, gy, weight.values, nullptr);
  const Results got = convolve(k, s, x, gy, weight);
  const Results direct = convolve(networkKernels(SimdLevel::baseline), s, x, gy, weight);
  const auto compare = [&](const char* what, const std::vector<float>& one, const std::vector<float>& other,
                           const std::vector<double>& exact) {
    const std::string name = describe({s, n, h, w}) + " error of " + what + " beside the direct sum's";
    expectNear(std::fmax(errorOf(one, exact) / errorOf(other, exact), kFactor), kFactor, 0, name.c_str());
  };
  compare("y", got.y, direct.y, want.y.values);
  compare("gx", got.gx, direct.gx, want.gx.values);
  compare("gw", got.gw, direct.gw, want.gw);
}

/// Where every product of a sum is zero, so is the sum: x and gy are zero but for a few pixels, and never where the
/// other is not for some taps.
void checkZeros(const NetworkKernels& k, const ConvShape& s, int h, int w) {
  const std::string outer = context;
  context += " zeros of " + describe({s, 2, h, w});
  Random random{11};
  Plain x(2, s.inChannels, h, w), gy(2, s.outChannels, h, w);
  for (int i = 0; i < 2; ++i) {
    for (int c = 0; c < s.inChannels; ++c) {
      x(i, c, h - 1, w - 1) = static_cast<float>(random.next());
      x(i, c, 3, 4) = static_cast<float>(random.next());
    }
    for (int c = 0; c < s.outChannels; ++c) {
      gy(i, c, h - 1, w - 1) = static_cast<float>(random.next());
      gy(i, c, 4, 4) = static_cast<float>(random.next());
    }
  }
  const Plain weight(s.outChannels, s.inChannels, 3, 3, random);
  const ConvReference want = convReference(s, x, gy, weight.values, nullptr);
  const Results got = convolve(k, s, x, gy, weight);
  const auto require = [](const char* what, const std::vector<float>& values, const std::vector<double>& magnitudes) {
    for (size_t e = 0; e < magnitudes.size(); ++e)
      if (magnitudes[e] == 0) expectNear(values[e], 0, 0, what);
  };
  require("y", got.y, want.yMagnitude.values);
  require("gx", got.gx, want.gxMagnitude.values);
  require("gw", got.gw, want.gwMagnitude);
  context = outer;
}

/// Sums that are finite though sums of two neighbouring values are not.
void checkLargeValues(const NetworkKernels& k, const ConvShape& s, int h, int w) {
  const std::string outer = context;
  context += " large values of " + describe({s, 1, h, w});
  Random random{13};
  Plain x(1, s.inChannels, h, w), gy(1, s.outChannels, h, w), weight(s.outChannels, s.inChannels, 3, 3, random);
  for (double& v : x.values) v = static_cast<float>(random.next() < 0 ? -3e38 : 3e38);
  for (double& v : gy.values) v = static_cast<float>(random.next() * 1e-3);
  for (double& v : weight.values) v = static_cast<float>(v * 1e-3);
  const ConvReference want = convReference(s, x, gy, weight.values, nullptr);
  const Results got = convolve(k, s, x, gy, weight);
  expectFloats(got.y.data(), want.y.values, want.yMagnitude.values, 1e-6, "y");
  expectFloats(got.gw.data(), want.gw, want.gwMagnitude, 1e-6, "gw");
  context = outer;
}

void checkAll(const NetworkKernels& k) {
  for (const bool rectified : {false, true}) {
    checkAccuracy(k, square(16, 16), 2, 32, 32, rectified);
    checkAccuracy(k, square(32, 32), 2, 16, 16, rectified);
    checkAccuracy(k, square(64, 64), 4, 8, 8, rectified);
  }
  for (const ConvShape& s : {square(16, 16), square(24, 40), square(32, 16)}) {
    checkZeros(k, s, 8, 8);
    checkZeros(k, s, 11, 9);
    checkLargeValues(k, s, 8, 9);
  }
}

}  // namespace
}  // namespace eznas::check

int main() { return eznas::check::checkEveryLevel(eznas::check::checkAll); }
