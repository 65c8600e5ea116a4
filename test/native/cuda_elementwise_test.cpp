// The device's passes over memory against plain float64 loops: sums, activations, products, copies, fills, differences.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/cuda/activation.h"
#include "kernels/cuda/elementwise.h"
#include "test/native/device_check.h"
#include "test/native/reference_network.h"

namespace {

using namespace eznas;
using namespace eznas::check;

void checkSums(const Stream& stream, const MapSize& m, bool special) {
  Random random{static_cast<uint64_t>(m.c)};
  Plain x = plain(m, random), y = plain(m, random), z = plain(m, random);
  x.values[0] = -0.0;
  if (special) makeSpecial(x), y.values.back() = kNaN;
  const Plain mean(1, m.c, 1, 1, random), inverse(1, m.c, 1, 1, random, 2), scale(1, m.c, 1, 1, random),
      offset(1, m.c, 1, 1, random);
  const DeviceArray<float> dx = onDevice(stream, x), dy = onDevice(stream, y), dz = onDevice(stream, z),
                           dm = onDevice(stream, mean), di = onDevice(stream, inverse), ds = onDevice(stream, scale),
                           dt = onDevice(stream, offset);
  const cuda::MapShape shape(m.n, m.c, m.h * m.w);
  const size_t size = x.values.size();

  // One item of one, two and three terms, of which the second is normalized; one whose term has scale and shift too;
  // the last into a term of its own.
  const DeviceArray<cuda::SumTerm> terms(stream, {{dx.data(), nullptr, nullptr, nullptr, nullptr},
                                                  {dy.data(), dm.data(), di.data(), nullptr, nullptr},
                                                  {dz.data(), nullptr, nullptr, nullptr, nullptr},
                                                  {dy.data(), dm.data(), di.data(), ds.data(), dt.data()}});
  const DeviceArray<float> one = result(stream, size), two = result(stream, size), three = result(stream, size),
                           scaled = result(stream, size);
  const DeviceArray<cuda::SumItem> items(stream, {{one.data(), terms.data(), 1},
                                                  {two.data(), terms.data(), 2},
                                                  {three.data(), terms.data(), 3},
                                                  {scaled.data(), terms.data() + 3, 1}});
  cuda::launchSum(shape, items.data(), 4, stream.get());
  std::vector<double> want1 = x.values, want2 = x.values, want3 = x.values, wantScaled = x.values;
  for (int i = 0; i < m.n; ++i)
    for (int c = 0; c < m.c; ++c)
      for (int p = 0; p < m.h * m.w; ++p) {
        const size_t e = x.index(i, c, 0, p);
        const auto channel = static_cast<size_t>(c);
        const double normal = (y.values[e] - mean.values[channel]) * inverse.values[channel];
        want2[e] += normal;
        wantScaled[e] = normal * scale.values[channel] + offset.values[channel];
        want3[e] = want2[e] + z.values[e];
      }
  expectAll(one, want1, 0, "sum of one");
  expectAll(two, want2, 1e-6, "sum of two");
  expectAll(three, want3, 1e-6, "sum of three");
  expectAll(scaled, wantScaled, 1e-6, "scale and shift");
  if (std::signbit(one.host()[0]) != std::signbit(x.floats()[0])) fail("a sum of one keeps the sign of zero");
  const DeviceArray<cuda::SumItem> inPlace(stream, {{dx.data(), terms.data(), 3}});
  cuda::launchSum(shape, inPlace.data(), 1, stream.get());
  const std::vector<float> a = dx.host(), b = three.host();
  if (std::memcmp(a.data(), b.data(), size * sizeof(float)) != 0) fail("a sum into one of its terms");
}

void checkFill(const Stream& stream, const MapSize& m) {
  const auto size = static_cast<size_t>(m.n) * m.c * m.h * m.w;
  const DeviceArray<float> filled = result(stream, size);
  const DeviceArray<cuda::FillItem> fill(stream, {{filled.data()}});
  cuda::launchFill({m.n, m.c, m.h * m.w}, 1.5f, fill.data(), 1, stream.get());
  expectAll(filled, std::vector<double>(size, 1.5), 0, "fill");
}

struct ActivationCase {
  Activation activation;
  NodeKind kind;
  std::vector<double> kinks;
  bool slopeOfOutput;  // or of the input
};
const ActivationCase kActivations[] = {{Activation::relu, NodeKind::relu, {0}, true},
                                       {Activation::relu6, NodeKind::relu6, {0, 6}, true},
                                       {Activation::hardSwish, NodeKind::hardSwish, {-3, 3}, false},
                                       {Activation::hardSigmoid, NodeKind::hardSigmoid, {-3, 3}, false},
                                       {Activation::sigmoid, NodeKind::sigmoid, {}, true}};

/// Numbers on all pieces, on the kinks, of either zero and, if so asked, that are none.
void checkActivation(const Stream& stream, const MapSize& m, const ActivationCase& a, bool special) {
  Random random{static_cast<uint64_t>(m.c)};
  Plain x = plain(m, random);
  const Plain g = plain(m, random);
  const size_t size = x.values.size();
  for (double& v : x.values) v = static_cast<float>(9 * v);
  for (size_t e = 1; e < std::min<size_t>(size, 40); ++e)
    if (!a.kinks.empty() && e % 3 == 1) x.values[e] = a.kinks[e % a.kinks.size()];
  if (size > 4) x.values[2] = -0.0, x.values[3] = 0;
  if (special) makeSpecial(x);
  const DeviceArray<float> dx = onDevice(stream, x), dg = onDevice(stream, g);
  const DeviceArray<float> y = result(stream, size), gx = result(stream, size);
  const auto elements = static_cast<int64_t>(size);
  const DeviceArray<cuda::ActivationItem> forward(stream, {{dx.data(), y.data()}});
  cuda::launchActivation(a.activation, elements, forward.data(), 1, stream.get());
  const DeviceArray<cuda::ActivationBackwardItem> backward(
      stream, {{a.slopeOfOutput ? y.data() : dx.data(), dg.data(), gx.data()}});
  cuda::launchActivationBackward(a.activation, elements, backward.data(), 1, stream.get());

  std::vector<double> want(size), slope(size);
  for (size_t e = 0; e < size; ++e) {
    const double v = x.values[e];
    const bool rectifier = a.kind == NodeKind::relu || a.kind == NodeKind::relu6;
    want[e] = std::isnan(v) ? kNaN : test::activated(a.kind, v, v);
    // Past both ends slopes are 0 or, where the activation goes on, 1; those of rectifiers are 0 where they are NaN.
    const bool rises = v > 0 && (a.kind == NodeKind::relu || a.kind == NodeKind::hardSwish);
    if (std::isnan(v))
      slope[e] = rectifier || a.kind == NodeKind::hardSigmoid ? 0 : kNaN;
    else
      slope[e] = g.values[e] * (std::isinf(v) ? (rises ? 1 : 0) : test::slopeAt(a.kind, v));
  }
  const std::string name = kindName(a.kind);
  expectAll(y, want, 3e-7, name.c_str());
  // A sigmoid's slope comes from its float32 output, s − s².
  expectAll(gx, slope, 3e-7, (name + " gradient").c_str());
}

/// By a map and by gates, and the gradients of either; 0 · ∞ is NaN.
void checkProducts(const Stream& stream, const MapSize& m, bool special) {
  Random random{static_cast<uint64_t>(m.c)};
  Plain x = plain(m, random), by = plain(m, random), gates(m.n, m.c, 1, 1, random);
  x.values[0] = 0;
  if (special) makeSpecial(x), by.values.back() = 0, gates.values[0] = kInf;
  const size_t size = x.values.size(), planes = gates.values.size(), pixels = size / planes;
  const DeviceArray<float> dx = onDevice(stream, x), db = onDevice(stream, by), dg = onDevice(stream, gates);
  const DeviceArray<float> whole = result(stream, size), gated = result(stream, size), sums = result(stream, planes);
  const cuda::MapShape shape(m.n, m.c, m.h * m.w);
  const DeviceArray<cuda::ProductItem> items(stream, {{dx.data(), db.data(), whole.data()},
                                                      {dx.data(), dg.data(), gated.data()},
                                                      {dx.data(), db.data(), sums.data()}});
  cuda::launchMultiply(shape, false, items.data(), 1, stream.get());
  cuda::launchMultiply(shape, true, items.data() + 1, 1, stream.get());
  cuda::launchProductSums(shape, items.data() + 2, 1, stream.get());
  std::vector<double> want(size), wantGated(size), wantSums(planes, 0), magnitude(planes, 0);
  for (size_t e = 0; e < size; ++e) {
    want[e] = x.values[e] * by.values[e];
    wantGated[e] = x.values[e] * gates.values[e / pixels];
    wantSums[e / pixels] += want[e];
    magnitude[e / pixels] += std::isfinite(want[e]) ? std::abs(want[e]) : 0;
  }
  expectAll(whole, want, 1e-7, "product");
  expectAll(gated, wantGated, 1e-7, "product with gates");
  expectAll(sums, wantSums, 1e-7, "gradient of gates", magnitude);
}

void checkSubtract(const Stream& stream) {
  // Items smaller than a group of four, around one tile, and of several tiles.
  std::vector<DeviceArray<float>> ys, ls;
  std::vector<std::vector<double>> wants;
  std::vector<cuda::SubtractItem> items;
  int64_t tiles = 0;
  Random random{4};
  for (const int64_t count : {int64_t{1}, int64_t{3}, int64_t{4095}, int64_t{4096}, int64_t{4097}, int64_t{20001}}) {
    Plain y(1, 1, 1, static_cast<int>(count), random), less(1, 1, 1, static_cast<int>(count), random);
    y.values[0] = kInf;
    ys.emplace_back(stream, y.floats());
    ls.emplace_back(stream, less.floats());
    items.push_back({ys.back().data(), ls.back().data(), count, tiles});
    tiles += (count + cuda::kSubtractTile - 1) / cuda::kSubtractTile;
    for (size_t e = 0; e < y.values.size(); ++e) y.values[e] -= less.values[e];
    wants.push_back(y.values);
  }
  const DeviceArray<cuda::SubtractItem> table(stream, items);
  cuda::launchSubtract(table.data(), static_cast<int>(items.size()), tiles, stream.get());
  for (size_t i = 0; i < items.size(); ++i) expectAll(ys[i], wants[i], 1e-7, "difference");
}

void checkCopyRegion(const Stream& stream) {
  struct Box {
    int xc, yc, count, xy, xx, yy, yx, h, w;
  };
  Random random{5};
  const Plain x(2, 50, 5, 6, random), before(2, 70, 6, 5, random);
  for (const Box& r : {Box{0, 0, 50, 0, 0, 0, 0, 5, 5}, Box{3, 19, 21, 1, 0, 0, 1, 4, 4},
                       Box{49, 69, 1, 4, 5, 5, 4, 1, 1}, Box{0, 20, 50, 0, 0, 0, 0, 5, 5}}) {
    Plain want = before;
    for (int i = 0; i < 2; ++i)
      for (int c = 0; c < r.count; ++c)
        for (int y = 0; y < r.h; ++y)
          for (int k = 0; k < r.w; ++k) want(i, r.yc + c, r.yy + y, r.yx + k) = x(i, r.xc + c, r.xy + y, r.xx + k);
    const DeviceArray<float> dx = onDevice(stream, x), dy = onDevice(stream, before);
    const cuda::Region region{2, r.count, r.h, r.w, 50 * 30, 30, 6, 70 * 30, 30, 5};
    const DeviceArray<cuda::CopyItem> items(
        stream, {{dx.data() + x.index(0, r.xc, r.xy, r.xx), dy.data() + before.index(0, r.yc, r.yy, r.yx)}});
    cuda::launchCopyRegion(region, items.data(), 1, stream.get());
    expectAll(dy, want.values, 0, "copied region");
  }
}

}  // namespace

int main() {
  test::useExactAllocations();
  const Stream stream(cuda::Device::get(0));
  checkSubtract(stream);
  checkCopyRegion(stream);
  for (const MapSize& m : kSizes) {
    context = text(m);
    checkFill(stream, m);
    for (const bool special : {false, true}) {
      checkSums(stream, m, special);
      for (const ActivationCase& a : kActivations) checkActivation(stream, m, a, special);
      checkProducts(stream, m, special);
    }
  }
  return finish("cuda_elementwise_test");
}
