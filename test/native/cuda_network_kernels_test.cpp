// The device's network kernels other than convolution and passes over memory against plain float64 loops, and its
// random numbers against the CPU's bits.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/cpu/random_kernels.h"
#include "kernels/cuda/batch_norm.h"
#include "kernels/cuda/divisor.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/pooling.h"
#include "kernels/cuda/random.h"
#include "kernels/random.h"
#include "native/core/simd.h"
#include "test/native/device_check.h"
#include "test/native/pool_reference.h"

namespace {

using namespace eznas;
using namespace eznas::check;

struct ChannelSums {
  double mean = 0, variance = 0, first = 0, second = 0;  // Σg/N, Σg·(x − mean)/N
};
ChannelSums channelSums(const Plain& x, const Plain& g, int c) {
  ChannelSums s;
  const double count = static_cast<double>(x.n) * x.h * x.w;
  const auto each = [&](auto f) {
    for (int i = 0; i < x.n; ++i)
      for (int p = 0; p < x.h * x.w; ++p) f(x.index(i, c, 0, p));
  };
  each([&](size_t e) { s.mean += x.values[e] / count; });
  each([&](size_t e) {
    s.variance += (x.values[e] - s.mean) * (x.values[e] - s.mean) / count;
    s.first += g.values[e] / count;
    s.second += g.values[e] * (x.values[e] - static_cast<float>(s.mean)) / count;
  });
  return s;
}

void checkBatchNorm(const Stream& stream, const MapSize& m, double centre) {
  Random random{static_cast<uint64_t>(m.w)};
  const Plain x = plain(m, random, centre), g = plain(m, random, 0.1);
  const cuda::BatchNorm shape(m.n, m.c, m.h * m.w);
  const auto channels = static_cast<size_t>(m.c);
  const size_t size = x.values.size();
  const DeviceArray<float> dx = onDevice(stream, x), dg = onDevice(stream, g);
  const DeviceArray<float> mean = result(stream, channels), inverse = result(stream, channels),
                           coefficients = result(stream, 2 * channels), gx = result(stream, size);
  const DeviceArray<double> partials(stream, std::vector<double>(shape.partialDoubles(), kNaN));
  const DeviceArray<unsigned> arrivals(stream, std::vector<unsigned>(channels, 0));
  const DeviceArray<cuda::StatisticsItem> statistics(
      stream, {{dx.data(), partials.data(), arrivals.data(), mean.data(), inverse.data()}});
  cuda::launchBatchStatistics(shape, statistics.data(), 1, stream.get());
  // Plain, with a scale, and only the gradients of scale and shift.
  std::vector<float> scales(channels);
  for (float& v : scales) v = static_cast<float>(random.next());
  if (channels > 2) scales[2] = 0;
  const DeviceArray<float> scale(stream, scales),
      scaledGx = result(stream, size), gScale = result(stream, channels), gShift = result(stream, channels),
      aloneScale = result(stream, channels), aloneShift = result(stream, channels);
  const DeviceArray<double> morePartials(stream, std::vector<double>(2 * shape.partialDoubles(), kNaN));
  const DeviceArray<unsigned> moreArrivals(stream, std::vector<unsigned>(2 * channels, 0));
  const DeviceArray<float> moreCoefficients = result(stream, 4 * channels);
  const DeviceArray<cuda::NormalizeBackwardItem> backward(
      stream, {{dx.data(), dg.data(), mean.data(), inverse.data(), partials.data(), arrivals.data(),
                coefficients.data(), gx.data(), nullptr, nullptr, nullptr},
               {dx.data(), dg.data(), mean.data(), inverse.data(), morePartials.data(), moreArrivals.data(),
                moreCoefficients.data(), scaledGx.data(), scale.data(), gScale.data(), gShift.data()},
               {dx.data(), dg.data(), mean.data(), inverse.data(), morePartials.data() + shape.partialDoubles(),
                moreArrivals.data() + channels, moreCoefficients.data() + 2 * channels, nullptr, scale.data(),
                aloneScale.data(), aloneShift.data()}});
  cuda::launchNormalizeBackward(shape, backward.data(), 3, stream.get());
  const std::vector<float> gotMean = mean.host(), gotInverse = inverse.host();
  std::vector<double> want(size), magnitude(size), wantScaled(size), wantScale(channels), wantShift(channels),
      sizeScale(channels), sizeShift(channels);
  const double count = static_cast<double>(m.n) * m.h * m.w;
  for (int c = 0; c < m.c; ++c) {
    const ChannelSums s = channelSums(x, g, c);
    const double a = 1 / std::sqrt(s.variance + 1e-5);
    const auto channel = static_cast<size_t>(c);
    wantScale[channel] = a * s.second * count, wantShift[channel] = s.first * count;
    sizeScale[channel] = 1 + std::abs(wantScale[channel]), sizeShift[channel] = 1 + std::abs(wantShift[channel]);
    expectNear(gotMean[static_cast<size_t>(c)], s.mean, 6e-8 * std::abs(s.mean) + 1e-12, "mean");
    expectNear(gotInverse[static_cast<size_t>(c)], a, 1e-7 * a, "1/deviation");
    for (int i = 0; i < m.n; ++i)
      for (int p = 0; p < m.h * m.w; ++p) {
        const size_t e = x.index(i, c, 0, p);
        const double slope = (x.values[e] - static_cast<float>(s.mean)) * a * a * s.second;
        want[e] = a * (g.values[e] - s.first - slope);
        wantScaled[e] = want[e] * scales[static_cast<size_t>(c)];
        magnitude[e] = 1 + a * (std::abs(g.values[e]) + std::abs(slope));
      }
  }
  expectAll(gx, want, 1e-6, "normalization gradient", magnitude);
  expectAll(scaledGx, wantScaled, 1e-6, "scaled normalization gradient", magnitude);
  expectAll(gScale, wantScale, 1e-6, "gradient of scale", sizeScale);
  expectAll(gShift, wantShift, 1e-6, "gradient of shift", sizeShift);
  if (gScale.host() != aloneScale.host() || gShift.host() != aloneShift.host())
    fail("gradients of scale and shift differ where they are asked for alone");
  for (const DeviceArray<unsigned>* counters : {&arrivals, &moreArrivals})
    for (const unsigned left : counters->host())
      if (left != 0) fail("a counter is left over");
}

void checkBatchNormEdges(const Stream& stream) {
  Plain x(3, 4, 5, 7);
  for (double& v : x.values) v = static_cast<float>(1234.567);
  x(0, 1, 0, 0) = kNaN, x(1, 2, 4, 6) = kInf, x(0, 3, 0, 0) = kInf;
  const cuda::BatchNorm shape(3, 4, 35);
  const DeviceArray<float> dx = onDevice(stream, x), mean = result(stream, 4), inverse = result(stream, 4);
  const DeviceArray<double> partials(stream, std::vector<double>(shape.partialDoubles(), kNaN));
  const DeviceArray<unsigned> arrivals(stream, std::vector<unsigned>(4, 0));
  const DeviceArray<cuda::StatisticsItem> items(
      stream, {{dx.data(), partials.data(), arrivals.data(), mean.data(), inverse.data()}});
  cuda::launchBatchStatistics(shape, items.data(), 1, stream.get());
  expectAll(mean, {static_cast<float>(1234.567), kNaN, kInf, kInf}, 0, "mean of a constant, with NaN, with ∞");
  expectAll(inverse, {static_cast<float>(1 / std::sqrt(1e-5)), kNaN, kNaN, kNaN}, 0, "1/deviation likewise");
}

void checkPooling(const Stream& stream, cuda::Pooling s, const MapSize& m, bool ceilMode, bool special) {
  if (m.h + 2 * s.padH < s.kernelH || m.w + 2 * s.padW < s.kernelW) return;
  s.planes = m.n * m.c, s.inH = m.h, s.inW = m.w;
  s.outH = windows(m.h, s.kernelH, s.strideH, s.padH, ceilMode);
  s.outW = windows(m.w, s.kernelW, s.strideW, s.padW, ceilMode);
  Random random{static_cast<uint64_t>(m.h)};
  Plain x = plain(m, random);
  for (size_t e = 0; e < x.values.size(); e += 3) x.values[e] = 0.25;  // ties
  if (special) makeSpecial(x);
  const Plain gy(m.n, m.c, s.outH, s.outW, random);
  const auto [largest, average, toLargest, toAll, where] = PoolReference(s, x, gy);
  const size_t in = x.values.size(), out = gy.values.size();
  const DeviceArray<float> dx = onDevice(stream, x), dg = onDevice(stream, gy), y = result(stream, out),
                           alone = result(stream, out), z = result(stream, out), gxMax = result(stream, in),
                           gxAverage = result(stream, in);
  const DeviceArray<int32_t> positions(stream, std::vector<int32_t>(out, -1));
  const DeviceArray<cuda::MaxPoolItem> forward(
      stream, {{dx.data(), y.data(), positions.data()}, {dx.data(), alone.data(), nullptr}});
  cuda::launchMaxPoolForward(s, forward.data(), 2, stream.get());
  const DeviceArray<cuda::MaxPoolBackwardItem> backward(stream, {{dg.data(), positions.data(), gxMax.data()}});
  cuda::launchMaxPoolBackward(s, backward.data(), 1, stream.get());
  const DeviceArray<cuda::PoolItem> averages(stream, {{dx.data(), z.data()}}),
      spread(stream, {{dg.data(), gxAverage.data()}});
  cuda::launchAvgPoolForward(s, averages.data(), 1, stream.get());
  cuda::launchAvgPoolBackward(s, spread.data(), 1, stream.get());
  expectAll(y, largest.values, 0, "max pool");
  expectAll(alone, largest.values, 0, "max pool without positions");
  if (positions.host() != where) fail("positions of maxima");
  expectAll(z, average.values, 1e-6, "average pool");
  expectAll(gxMax, toLargest.values, 1e-6, "max pool gradient");
  expectAll(gxAverage, toAll.values, 1e-6, "average pool gradient");
}

void checkGlobalPool(const Stream& stream, const MapSize& m) {
  Random random{3};
  const Plain x = plain(m, random), g(m.n, m.c, 1, 1, random);
  std::vector<double> want(g.values.size(), 0), gx(x.values.size());
  const int pixels = m.h * m.w;
  for (size_t e = 0; e < gx.size(); ++e) {
    want[e / static_cast<size_t>(pixels)] += x.values[e] / pixels;
    gx[e] = g.values[e / static_cast<size_t>(pixels)] / pixels;
  }
  const DeviceArray<float> dx = onDevice(stream, x), dg = onDevice(stream, g), y = result(stream, want.size()),
                           back = result(stream, gx.size());
  const DeviceArray<cuda::PoolItem> forward(stream, {{dx.data(), y.data()}}),
      backward(stream, {{dg.data(), back.data()}});
  cuda::launchGlobalPoolForward(m.n * m.c, pixels, forward.data(), 1, stream.get());
  cuda::launchGlobalPoolBackward(m.n * m.c, pixels, backward.data(), 1, stream.get());
  expectAll(y, want, 1e-7, "global pool");
  expectAll(back, gx, 1e-7, "global pool gradient");
}

void checkLinear(const Stream& stream, int batch, int inputs, int features, bool withBias) {
  Random random{static_cast<uint64_t>(features)};
  const Plain x(1, 1, batch, inputs, random), w(1, 1, features, inputs, random), b(1, 1, 1, features, random),
      g(1, 1, batch, features, random);
  Plain y = g, gx(1, 1, batch, inputs), gw(1, 1, features, inputs), gb(1, 1, 1, features);
  for (int i = 0; i < batch; ++i)
    for (int f = 0; f < features; ++f) {
      y(0, 0, i, f) = withBias ? b(0, 0, 0, f) : 0;
      gb(0, 0, 0, f) += g(0, 0, i, f);
      for (int e = 0; e < inputs; ++e) {
        y(0, 0, i, f) += x(0, 0, i, e) * w(0, 0, f, e);
        gx(0, 0, i, e) += g(0, 0, i, f) * w(0, 0, f, e);
        gw(0, 0, f, e) += g(0, 0, i, f) * x(0, 0, i, e);
      }
    }
  const DeviceArray<float> dx = onDevice(stream, x), dw = onDevice(stream, w), db = onDevice(stream, b),
                           dg = onDevice(stream, g), dy = result(stream, y.values.size()),
                           dgx = result(stream, gx.values.size()), dgw = result(stream, gw.values.size()),
                           dgb = result(stream, gb.values.size());
  const cuda::Linear shape{batch, inputs, features};
  const DeviceArray<cuda::LinearItem> forward(stream,
                                              {{dx.data(), dw.data(), withBias ? db.data() : nullptr, dy.data()}});
  cuda::launchLinearForward(shape, forward.data(), 1, stream.get());
  const DeviceArray<cuda::LinearBackwardItem> backward(stream, {{dg.data(), dw.data(), dgx.data()}});
  cuda::launchLinearBackward(shape, backward.data(), 1, stream.get());
  const DeviceArray<cuda::LinearWeightsItem> weights(stream, {{dx.data(), dg.data(), dgw.data()}});
  cuda::launchLinearWeights(shape, weights.data(), 1, stream.get());
  const DeviceArray<cuda::BiasItem> biases(stream, {{dg.data(), dgb.data()}});
  cuda::launchBiasGradient({batch, features, 1}, biases.data(), 1, stream.get());
  expectAll(dy, y.values, 1e-6 * std::sqrt(inputs), "linear");
  expectAll(dgx, gx.values, 1e-6 * std::sqrt(features), "linear gradient");
  expectAll(dgw, gw.values, 1e-6 * std::sqrt(batch), "linear weight gradient");
  expectAll(dgb, gb.values, 1e-6, "bias gradient");
}

void checkBias(const Stream& stream, const MapSize& m) {
  Random random{8};
  const Plain g = plain(m, random);
  std::vector<double> want(static_cast<size_t>(m.c), 0);
  for (int i = 0; i < m.n; ++i)
    for (int c = 0; c < m.c; ++c)
      for (int p = 0; p < m.h * m.w; ++p) want[static_cast<size_t>(c)] += g(i, c, 0, p);
  const DeviceArray<float> dg = onDevice(stream, g), sums = result(stream, want.size());
  const DeviceArray<cuda::BiasItem> items(stream, {{dg.data(), sums.data()}});
  cuda::launchBiasGradient({m.n, m.c, m.h * m.w}, items.data(), 1, stream.get());
  expectAll(sums, want, 1e-7, "bias gradient of a map");
}

/// All bits, through all the ways of asking: with and without base, several tensors at once, lengths around a tile.
void checkRandom(const Stream& stream) {
  struct Draw {
    uint64_t network;
    uint32_t tensor;
    float scale;
    bool based;
    size_t count;
  };
  const std::vector<Draw> draws = {{0, random::kNoiseTensor, 1.0f, false, 3000},
                                   {0, random::kPerturbationTensor, 0.1f, true, 5000},
                                   {7, 0, 0.37f, false, 1},
                                   {7, 1, 0.0f, false, 1023},
                                   {uint64_t{1} << 40, 2, 0.01f, false, 1024},
                                   {~uint64_t{0}, 3, 1.5f, true, 1025}};
  for (const uint64_t seed : {uint64_t{0}, uint64_t{42}, 0xfedcba9876543210u}) {
    std::vector<DeviceArray<float>> outs, bases;
    std::vector<std::vector<float>> wants;
    std::vector<cuda::NormalItem> items;
    int64_t tiles = 0;
    for (const Draw& d : draws) {
      std::vector<float> base(d.count, 0.0f), want(d.count);
      for (size_t e = 0; e < d.count; ++e) base[e] = static_cast<float>(std::sin(static_cast<double>(e)));
      randomKernels(simdLevel())
          .normal(seed, d.network, d.tensor, d.scale, d.based ? base.data() : nullptr, want.data(), d.count);
      if (d.scale == 0) want.assign(d.count, 0.0f);
      outs.emplace_back(stream, nans(d.count));
      bases.emplace_back(stream, base);
      items.push_back({outs.back().data(), d.based ? bases.back().data() : nullptr, d.network,
                       static_cast<int64_t>(d.count), tiles, d.tensor, d.scale});
      tiles += static_cast<int64_t>((d.count + cuda::kNormalTile - 1) / cuda::kNormalTile);
      wants.push_back(want);
    }
    const DeviceArray<cuda::NormalItem> table(stream, items);
    cuda::launchNormal(seed, table.data(), static_cast<int>(items.size()), tiles, stream.get());
    for (size_t i = 0; i < draws.size(); ++i) {
      const std::vector<float> got = outs[i].host();
      ++comparisons;
      if (std::memcmp(got.data(), wants[i].data(), got.size() * sizeof(float)) != 0)
        fail("random numbers of tensor " + std::to_string(draws[i].tensor) + " differ from the CPU's");
    }
  }
}

void checkDivisors() {
  for (const int d : {1, 2, 3, 5, 7, 16, 31, 641, 65535, 65537, 1 << 30, 2147483647}) {
    const cuda::Divisor divisor(d);
    for (const int64_t base :
         {int64_t{0}, int64_t{d}, int64_t{5} * d, int64_t{2147483647} / d * d, int64_t{2147483647}})
      for (int64_t n = base - 2; n <= base + 2; ++n) {
        if (n < 0 || n > 2147483647) continue;
        const uint64_t q = ((n * uint64_t{divisor.multiplier} >> 32) + static_cast<uint64_t>(n)) >> divisor.shift;
        expectNear(static_cast<double>(q), static_cast<double>(n / d), 0, "quotient");
      }
  }
}

}  // namespace

int main() {
  test::useExactAllocations();
  cuda::Device& device = cuda::Device::get(0);
  const Stream stream(device);
  checkDivisors();
  checkRandom(stream);
  checkBatchNormEdges(stream);
  const auto pool = [](int kh, int kw, int sh, int sw, int ph, int pw, bool counts) {
    return cuda::Pooling{0, 0, 0, 0, 0, kh, kw, sh, sw, ph, pw, counts};
  };
  const cuda::Pooling pools[] = {pool(3, 3, 1, 1, 1, 1, false), pool(3, 3, 1, 1, 1, 1, true),
                                 pool(2, 2, 2, 2, 0, 0, true),  pool(3, 3, 2, 2, 1, 1, false),
                                 pool(5, 3, 3, 2, 2, 1, true),  pool(1, 1, 2, 2, 0, 0, false)};
  for (const MapSize& m : kSizes) {
    context = text(m);
    for (const bool special : {false, true})
      for (const cuda::Pooling& s : pools)
        for (const bool ceilMode : {false, true}) checkPooling(stream, s, m, ceilMode, special);
    for (const double centre : {0.0, 3.0, 1e4}) checkBatchNorm(stream, m, centre);
    checkGlobalPool(stream, m);
    checkBias(stream, m);
    checkLinear(stream, m.n, m.c * m.h * m.w, 10, true);
    checkLinear(stream, m.n, m.c * m.h * m.w, 37, false);
  }
  context = "large";
  checkBatchNorm(stream, {3, 2, 60, 61}, 1);  // several splits, the last in part
  checkBatchNorm(stream, {5, 2, 32, 32}, 1);
  return finish("cuda_network_kernels_test");
}
