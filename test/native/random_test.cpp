// The generator: published Philox vectors, the distribution of the normal numbers, and that they depend on nothing but
// (seed, network, tensor, element).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/cpu/random_kernels.h"
#include "kernels/random.h"
#include "native/core/simd.h"
#include "test/native/expect.h"

using namespace eznas;
using test::expect;

namespace {

std::vector<float> normals(SimdLevel level, size_t count, uint64_t seed = 1, uint64_t network = 2,
                           uint32_t tensor = 3) {
  std::vector<float> z(count);
  randomKernels(level).normal(seed, network, tensor, 1.0f, nullptr, z.data(), count);
  return z;
}

bool sameBits(const float* a, const float* b, size_t count) { return std::memcmp(a, b, count * sizeof(float)) == 0; }

/// Known answers of Random123's kat_vectors (philox4x32, 10 rounds).
void philoxVectors() {
  struct Vector {
    random::Words4 counter;
    uint32_t key0, key1;
    random::Words4 result;
  };
  const Vector vectors[] = {
      {{0, 0, 0, 0}, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       0xffffffff,
       0xffffffff,
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       0xa4093822,
       0x299f31d0,
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Vector& v : vectors) {
    const random::Words4 r = random::philox(v.counter, v.key0, v.key1);
    expect(r.x0 == v.result.x0 && r.x1 == v.result.x1 && r.x2 == v.result.x2 && r.x3 == v.result.x3,
           "philox known answer");
  }
}

/// The float32 transform against Box–Muller in float64, at the ends of the uniform words too.
void transformAccuracy() {
  std::vector<uint32_t> words = {0,          1,          2,          3,          0x1fffffff,
                                 0x20000000, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000,
                                 0xbfffffff, 0xc0000000, 0xe0000000, 0xfffffffe, 0xffffffff};
  for (uint32_t i = 0; i < 2000; ++i) words.push_back(random::draw(9, 9, 9, i).x0);
  double worst = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    const uint32_t radius = words[i], angle = words[(i * 7 + 3) % words.size()];
    const random::Normals4 z = random::normals({radius, angle, angle, radius});
    const double u = static_cast<double>(static_cast<float>(radius >> 1)) * 0x1p-31 + 0x1p-33;
    const double r = std::sqrt(-2 * std::log(std::min(1.0, static_cast<double>(static_cast<float>(u)))));
    const double turn = 2 * M_PI * static_cast<double>(angle) / 4294967296.0;
    worst = std::max({worst, std::abs(z.z0 - r * std::cos(turn)), std::abs(z.z1 - r * std::sin(turn))});
    expect(std::isfinite(z.z0) && std::isfinite(z.z1) && std::isfinite(z.z2) && std::isfinite(z.z3), "finite normals");
  }
  expect(worst < 2e-6, "the transform is within 2e-6 of float64, not " + std::to_string(worst));
}

void distribution() {
  constexpr size_t kCount = 1 << 20;
  std::vector<float> z = normals(simdLevel(), kCount);
  double moments[5] = {}, lagged[4] = {};
  for (size_t i = 0; i < kCount; ++i) {
    double power = 1;
    for (double& moment : moments) moment += power / kCount, power *= z[i];
    for (size_t lag = 1; lag <= 4 && i + lag < kCount; ++lag) lagged[lag - 1] += z[i] * z[i + lag] / kCount;
  }
  // Five standard errors of each estimate: variances of z, z², z³, z⁴ are 1, 2, 15, 96.
  const double wanted[5] = {1, 0, 1, 0, 3}, variance[5] = {0, 1, 2, 15, 96};
  for (int k = 1; k < 5; ++k)
    expect(std::abs(moments[k] - wanted[k]) < 5 * std::sqrt(variance[k] / kCount), "moment " + std::to_string(k));
  for (const double lag : lagged) expect(std::abs(lag) < 5 / std::sqrt(kCount), "neighbours are uncorrelated");

  for (const double limit : {2.0, 3.0, 4.0}) {
    const double expected = kCount * std::erfc(limit / std::sqrt(2.0));
    const auto found = std::count_if(z.begin(), z.end(), [&](float x) { return std::abs(x) > limit; });
    expect(std::abs(static_cast<double>(found) - expected) < 5 * std::sqrt(expected),
           "tail beyond " + std::to_string(limit));
  }
  // Kolmogorov–Smirnov at the 0.1 % level.
  std::sort(z.begin(), z.end());
  double distance = 0;
  for (size_t i = 0; i < kCount; ++i) {
    const double cdf = 0.5 * std::erfc(-z[i] / std::sqrt(2.0));
    distance = std::max({distance, std::abs(cdf - static_cast<double>(i) / kCount),
                         std::abs(cdf - static_cast<double>(i + 1) / kCount)});
  }
  expect(distance * std::sqrt(kCount) < 1.95, "Kolmogorov–Smirnov");
}

void sameAtEveryLevel() {
  constexpr size_t kCount = 100'003;
  const std::vector<float> reference = normals(SimdLevel::baseline, kCount);
  for (const SimdLevel level : supportedSimdLevels())
    expect(sameBits(normals(level, kCount).data(), reference.data(), kCount),
           std::string("bits at level ") + name(level));
  for (size_t i = 0; i < kCount; i += 997) {
    const random::Normals4 four = random::normals(random::draw(1, 2, 3, static_cast<uint32_t>(i / 4)));
    const float z[4] = {four.z0, four.z1, four.z2, four.z3};
    expect(sameBits(&reference[i], &z[i % 4], 1), "bits of a single element");
  }
}

void elementsStandAlone() {
  const std::vector<float> longest = normals(simdLevel(), 1000);
  for (size_t count = 0; count <= 600; count += count < 20 ? 1 : 37) {
    std::vector<float> z(count + 1, -7.0f);
    randomKernels(simdLevel()).normal(1, 2, 3, 1.0f, nullptr, z.data(), count);
    expect(sameBits(z.data(), longest.data(), count), "an element does not depend on the count");
    expect(z[count] == -7.0f, "nothing is written past the count");
  }
}

void everyKeyCounts() {
  const std::vector<float> base = normals(simdLevel(), 4096);
  const uint64_t high = uint64_t{1} << 32;
  const std::vector<std::vector<float>> others = {normals(simdLevel(), 4096, 2),
                                                  normals(simdLevel(), 4096, 1 + high),
                                                  normals(simdLevel(), 4096, 1, 3),
                                                  normals(simdLevel(), 4096, 1, 2 + high),
                                                  normals(simdLevel(), 4096, 1, 2, 4),
                                                  normals(simdLevel(), 4096, 1, 2, random::kNoiseTensor),
                                                  normals(simdLevel(), 4096, 1, 2, random::kPerturbationTensor)};
  for (const auto& other : others) {
    double product = 0;
    for (size_t i = 0; i < base.size(); ++i) product += base[i] * other[i];
    expect(std::abs(product) / 64 < 5, "streams of different keys are uncorrelated");
  }
}

void scaleAndBase() {
  const std::vector<float> z = normals(simdLevel(), 777);
  std::vector<float> values(777, 2.5f);
  randomKernels(simdLevel()).normal(1, 2, 3, 0.1f, values.data(), values.data(), values.size());
  for (size_t i = 0; i < z.size(); ++i) {
    const float scaled = 0.1f * z[i];
    expect(values[i] == 2.5f + scaled, "base plus scaled number, in place");
  }
}

}  // namespace

int main() {
  philoxVectors();
  transformAccuracy();
  distribution();
  sameAtEveryLevel();
  elementsStandAlone();
  everyKeyCounts();
  scaleAndBase();
  return test::finish("random_test");
}
