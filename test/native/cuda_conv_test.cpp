// Convolution kernels on the device against plain float64 loops: forward with statistics, gradients of inputs (whole
// and masked) and of weights; exact products and tensor cores, whose reference rounds the operands as they do.
#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/cuda/depthwise.h"
#include "native/cuda/conv_geometry.h"
#include "test/native/conv_check.h"
#include "test/native/device_memory.h"
#include "test/native/tf32_kernels.h"
#if defined(EZNAS_SHIM)
#include "shim.h"
#endif

namespace {

using namespace eznas;
using namespace eznas::check;
using cuda::Stream;
using test::DeviceArray;
using test::tf32;

/// The sums are float32 over up to thousands of terms.
constexpr double kRelative = 2e-6;

Plain mapped(Plain p, double (*f)(double)) {
  for (double& v : p.values) v = f(v);
  return p;
}
double rectified(double v) { return v <= 0 ? 0 : v; }

std::vector<float> nans(size_t count) { return std::vector<float>(count, kNaN); }

void expectPlain(const std::vector<float>& got, const Plain& want, const Plain& magnitude, const char* what) {
  for (size_t e = 0; e < got.size(); ++e)
    expectNear(got[e], want.values[e], kRelative * (magnitude.values[e] + 1e-3), what);
}

/// What a convolution is checked on.
struct Trial {
  ConvCase c;
  bool tf32, relu, bias;
  Plain x, gy, w, biases, mask;
  ConvReference want;
};

Trial makeTrial(const ConvCase& c, Values values, bool useTf32, bool relu, bool bias) {
  const ConvShape& s = c.shape;
  Random random{static_cast<uint64_t>(c.h * 131 + s.inChannels * 17 + s.outChannels)};
  Trial t{c,
          useTf32,
          relu,
          bias,
          Plain(c.n, s.inChannels, c.h, c.w, random),
          Plain(c.n, s.outChannels, s.outH(c.h), s.outW(c.w), random),
          Plain(s.outChannels, s.inChannels / s.groups, s.kernelH, s.kernelW, random),
          Plain(1, s.outChannels, 1, 1, random),
          Plain(c.n, s.inChannels, c.h, c.w, random),
          {}};
  if (values == Values::special) {
    t.x.values.front() = kNaN, t.x.values[t.x.values.size() / 2] = kInf, t.x.values.back() = -kInf;
    t.gy.values[t.gy.values.size() / 3] = kInf, t.gy.values.back() = kNaN;
    t.mask.values.back() = kNaN;
  }
  Plain x = relu ? mapped(t.x, rectified) : t.x, gy = t.gy, w = t.w;
  if (useTf32) x = mapped(x, tf32), gy = mapped(gy, tf32), w = mapped(w, tf32);
  t.want = convReference(s, x, gy, w.values, bias ? t.biases.values.data() : nullptr);
  return t;
}

/// Σ over a channel of what was written, in float64.
void expectStatistics(const Trial& t, const std::vector<float>& y, const std::vector<float>& mean,
                      const std::vector<float>& inverseStd) {
  const Plain& shape = t.want.y;
  const double count = static_cast<double>(shape.n) * shape.h * shape.w;
  for (int c = 0; c < shape.c; ++c) {
    double sum = 0, squares = 0;
    for (int i = 0; i < shape.n; ++i)
      for (int p = 0; p < shape.h * shape.w; ++p) sum += y[shape.index(i, c, 0, p)];
    for (int i = 0; i < shape.n; ++i)
      for (int p = 0; p < shape.h * shape.w; ++p) squares += std::pow(y[shape.index(i, c, 0, p)] - sum / count, 2);
    expectNear(mean[static_cast<size_t>(c)], sum / count, 1e-7 * (1 + std::abs(sum / count)), "mean");
    const double inverse = 1 / std::sqrt(squares / count + 1e-5);
    expectNear(inverseStd[static_cast<size_t>(c)], inverse, 1e-6 * inverse, "deviation");
  }
}

DeviceArray<float> packed(const Stream& stream, const Trial& t, const cuda::SweepAndPacking& s) {
  const DeviceArray<float> plain(stream, t.w.floats());
  DeviceArray<float> result(stream, nans(s.sweep.packedFloats()));
  if (s.sweep.packedFloats() == 0) return result;
  const DeviceArray<cuda::ConvPackItem> items(stream, {{plain.data(), result.data()}});
  cuda::launchConvPack(s.sweep, s.packing, items.data(), 1, t.tf32, stream.get());
  stream.synchronize();
  return result;
}

void checkForward(const Stream& stream, const Trial& t) {
  const ConvShape& s = t.c.shape;
  const cuda::SweepAndPacking f = cuda::forwardSweep(s, t.c.n, t.c.h, t.c.w, t.relu);
  if (f.sweep.sharedBytes() > cuda::kSharedLimit) fail("too much shared memory");
  const DeviceArray<float> weights = packed(stream, t, f), x(stream, t.x.floats()), bias(stream, t.biases.floats());
  const DeviceArray<float> y(stream, nans(t.gy.values.size())), again(stream, nans(t.gy.values.size()));
  const DeviceArray<float> mean(stream, nans(t.biases.values.size())), inverse(stream, nans(t.biases.values.size()));
  const DeviceArray<double> partials(stream, std::vector<double>(f.sweep.partialDoubles(), kNaN));
  const DeviceArray<unsigned> arrivals(
      stream, std::vector<unsigned>(static_cast<size_t>(f.sweep.groups * f.sweep.targetTiles), 0));
  const float* b = t.bias ? bias.data() : nullptr;
  // Two items: one with statistics, one without; their results must be the same.
  const DeviceArray<cuda::ConvItem> items(
      stream, {{x.data(), weights.data(), b, y.data(), nullptr, nullptr, partials.data(), arrivals.data(), mean.data(),
                inverse.data()},
               {x.data(), weights.data(), b, again.data(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr}});
  cuda::launchConvSweep(f.sweep, items.data(), 2, t.tf32, stream.get());
  const std::vector<float> got = y.host(), other = again.host();
  expectPlain(got, t.want.y, t.want.yMagnitude, "y");
  if (std::memcmp(got.data(), other.data(), got.size() * sizeof(float)) != 0) fail("y differs without statistics");
  expectStatistics(t, got, mean.host(), inverse.host());
  for (const unsigned left : arrivals.host())
    if (left != 0) fail("a counter is left over");
}

/// Whole, masked, and both at once.
void checkGradients(const Stream& stream, const Trial& t, const std::vector<float>& whole,
                    const std::vector<float>& masked) {
  Plain wantMasked = t.want.gx;
  for (size_t e = 0; e < wantMasked.values.size(); ++e)
    if (!(t.mask.values[e] > 0)) wantMasked.values[e] = 0;
  (void)stream;
  expectPlain(whole, t.want.gx, t.want.gxMagnitude, "gx");
  expectPlain(masked, wantMasked, t.want.gxMagnitude, "masked gx");
}

void checkBackward(const Stream& stream, const Trial& t) {
  const DeviceArray<float> gy(stream, t.gy.floats()), mask(stream, t.mask.floats());
  const size_t size = t.x.values.size();
  const DeviceArray<float> both(stream, nans(size)), bothMasked(stream, nans(size)), whole(stream, nans(size)),
      masked(stream, nans(size));
  for (const cuda::SweepAndPacking& phase : cuda::backwardSweeps(t.c.shape, t.c.n, t.c.h, t.c.w)) {
    if (phase.sweep.sharedBytes() > cuda::kSharedLimit) fail("too much shared memory");
    const DeviceArray<float> weights = packed(stream, t, phase);
    const auto item = [&](float* gx, const float* m, float* maskedGx) {
      return cuda::ConvItem{gy.data(), weights.data(), nullptr, gx, m, maskedGx, nullptr, nullptr, nullptr, nullptr};
    };
    const DeviceArray<cuda::ConvItem> items(
        stream, {item(both.data(), mask.data(), bothMasked.data()), item(whole.data(), nullptr, nullptr),
                 item(nullptr, mask.data(), masked.data())});
    cuda::launchConvSweep(phase.sweep, items.data(), 3, t.tf32, stream.get());
    stream.synchronize();
  }
  checkGradients(stream, t, both.host(), bothMasked.host());
  checkGradients(stream, t, whole.host(), masked.host());
}

void checkWeights(const Stream& stream, const Trial& t) {
  const cuda::ConvWeights s = cuda::weightGradient(t.c.shape, t.c.n, t.c.h, t.c.w, t.relu);
  if (s.sharedBytes() > cuda::kSharedLimit) fail("too much shared memory");
  const DeviceArray<float> x(stream, t.x.floats()), gy(stream, t.gy.floats()),
      partials(stream, nans(s.partialFloats())), gradient(stream, nans(s.weights()));
  const DeviceArray<cuda::ConvWeightsItem> items(
      stream, {{x.data(), gy.data(), s.splits > 1 ? partials.data() : nullptr, gradient.data()}});
  cuda::launchConvWeights(s, items.data(), 1, t.tf32, stream.get());
  const std::vector<float> got = gradient.host();
  for (size_t e = 0; e < got.size(); ++e)
    expectNear(got[e], t.want.gw[e], kRelative * (t.want.gwMagnitude[e] + 1e-3), "gw");
}

void checkDepthwise(const Stream& stream, const Trial& t) {
  const ConvShape& s = t.c.shape;
  const cuda::Depthwise d{t.c.n,     s.inChannels, t.c.h,  t.c.w,  s.outH(t.c.h), s.outW(t.c.w), s.kernelH, s.kernelW,
                          s.strideH, s.strideW,    s.padH, s.padW, s.dilationH,   s.dilationW,   t.relu};
  const DeviceArray<float> x(stream, t.x.floats()), gy(stream, t.gy.floats()), w(stream, t.w.floats()),
      bias(stream, t.biases.floats()), mask(stream, t.mask.floats());
  const DeviceArray<float> y(stream, nans(t.gy.values.size())), gw(stream, nans(t.w.values.size()));
  const DeviceArray<cuda::DepthwiseItem> forward(
      stream, {{x.data(), w.data(), t.bias ? bias.data() : nullptr, y.data(), nullptr, nullptr}});
  cuda::launchDepthwiseForward(d, forward.data(), 1, stream.get());
  expectPlain(y.host(), t.want.y, t.want.yMagnitude, "depthwise y");

  const size_t size = t.x.values.size();
  const DeviceArray<float> both(stream, nans(size)), bothMasked(stream, nans(size)), whole(stream, nans(size)),
      masked(stream, nans(size));
  const DeviceArray<cuda::DepthwiseItem> backward(
      stream, {{gy.data(), w.data(), nullptr, both.data(), mask.data(), bothMasked.data()},
               {gy.data(), w.data(), nullptr, whole.data(), nullptr, nullptr},
               {gy.data(), w.data(), nullptr, nullptr, mask.data(), masked.data()}});
  cuda::launchDepthwiseBackward(d, backward.data(), 3, stream.get());
  checkGradients(stream, t, both.host(), bothMasked.host());
  checkGradients(stream, t, whole.host(), masked.host());

  const DeviceArray<cuda::DepthwiseWeightsItem> weights(stream, {{x.data(), gy.data(), gw.data()}});
  cuda::launchDepthwiseWeights(d, weights.data(), 1, stream.get());
  const std::vector<float> got = gw.host();
  for (size_t e = 0; e < got.size(); ++e)
    expectNear(got[e], t.want.gw[e], kRelative * (t.want.gwMagnitude[e] + 1e-3), "depthwise gw");
}

void checkCase(const Stream& stream, const ConvCase& c, Values values, bool useTf32, bool relu, bool bias) {
  const Trial t = makeTrial(c, values, useTf32, relu, bias);
  context = describe(c) + (useTf32 ? " tf32" : "") + (relu ? " rectified" : "") +
            (values == Values::special ? " special" : "");
  checkForward(stream, t);
  checkBackward(stream, t);
  checkWeights(stream, t);
  const bool depthwise =
      c.shape.groups > 1 && c.shape.groups == c.shape.inChannels && c.shape.groups == c.shape.outChannels;
  if (depthwise && !useTf32) checkDepthwise(stream, t);
}

/// Tiles that the shared cases do not reach: rows longer than a tile, taps one at a time, many stages, many splits.
std::vector<ConvCase> deviceCases() {
  return {
      {{3, 20, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 1, 3, 130},     {{3, 16, 1, 7, 7, 2, 2, 3, 3, 1, 1}, 1, 70, 141},
      {{9, 16, 1, 3, 3, 1, 1, 24, 24, 24, 24}, 1, 50, 60}, {{66, 70, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 3, 8, 8},
      {{40, 40, 1, 5, 5, 2, 2, 2, 2, 1, 1}, 2, 16, 16},    {{2, 3, 1, 11, 11, 1, 1, 5, 5, 1, 1}, 1, 20, 20},
      {{8, 8, 1, 1, 1, 1, 1, 0, 0, 1, 1}, 5, 32, 32},      {{33, 64, 1, 3, 3, 2, 2, 1, 1, 1, 1}, 6, 16, 16},
      {{16, 16, 1, 2, 12, 1, 1, 1, 6, 1, 1}, 1, 6, 40},    {{72, 8, 1, 1, 1, 1, 1, 0, 0, 1, 1}, 2, 8, 8},
  };
}

}  // namespace

int main() {
  test::useExactAllocations();
  cuda::Device& device = cuda::Device::get(0);
  const Stream stream(device);
  int index = 0;
  std::vector<ConvCase> cases = convCases();
  for (const ConvCase& c : deviceCases()) cases.push_back(c);
  for (const ConvCase& c : cases) {
    checkCase(stream, c, Values::finite, false, index % 3 == 0, index % 2 == 0);
    checkCase(stream, c, Values::finite, true, index % 3 == 1, index % 2 == 1);
    checkCase(stream, c, Values::special, index % 4 < 2, index % 5 == 0, index % 3 == 0);
    ++index;
  }
#if defined(EZNAS_SHIM)
  if (!shim::damagedGuard().empty()) fail(shim::damagedGuard());
#endif
  std::printf("cuda_conv_test: %d comparisons, %d failures\n", comparisons, failures);
  return failures == 0 ? 0 : 1;
}
