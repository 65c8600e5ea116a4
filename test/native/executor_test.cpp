// The executor against a plain float64 network: every recorded tensor, every gradient, on random graphs of all node
// kinds, at every SIMD level. Then what must not change results (threads, the set of tensors), and what must fail well.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "native/core/collect.h"
#include "native/core/memory.h"
#include "native/core/simd.h"
#include "test/native/expect.h"
#include "test/native/gated_networks.h"
#include "test/native/network_requests.h"
#include "test/native/reference_statistics.h"

using namespace eznas;
using test::expect;
using test::expectError;
using test::expectReference;
using test::randomRequest;
using test::requestFor;
using test::same;

namespace {

void againstReference(const CollectRequest& request, const std::string& name) {
  expectReference(request, collectNetwork(request, 0), name);
}

/// ReLUs of one node, of which one belongs to a unit that holds the second convolution of a separable pair: the
/// gradient at that ReLU is of its own consumers, whatever the others receive.
void separableBesideOthers() {
  test::GraphWords words({3, 6, 6});
  const int x = words.batchNorm(0);
  const test::GraphWords::Conv pointwise{.out = 3},
      depthwise{.out = 3, .kernelH = 3, .kernelW = 3, .padH = 1, .padW = 1, .groups = 3};
  const int before = words.triple(x, pointwise);
  const int relu = words.relu(x), first = words.conv(relu, depthwise), second = words.conv(first, pointwise);
  const int separable = words.batchNorm(second);
  words.unit(relu, second, separable);
  const int after = words.triple(x, depthwise);
  // Unequal paths behind, so that the three gradients differ.
  const int sum = words.add({words.relu(before), words.relu(separable), words.triple(after, pointwise)});
  words.linear(words.relu(sum), 4, 1);
  againstReference(requestFor(words.graph(), 9), "separable beside others");
}

void gradientsAgainstReference(uint64_t seed, bool gated) {
  const CollectRequest request = randomRequest(seed, gated);
  expectReference(request, gradients(request, 0), "graph " + std::to_string(seed));
}

/// A tensor is the same whatever else is asked for, and nothing else is recorded.
void anySetOfTensors(uint64_t seed, bool gated) {
  CollectRequest request = randomRequest(seed, gated);
  const NetworkStatistics all = collectNetwork(request, 0);
  std::vector<uint32_t> sets{0, 1u << kT1GD | 1u << kT4P, 1u << kT3GP | 1u << kT2N, 1u << kT4P | 1u << kT1D};
  for (int t = 0; t < kTensorCount; ++t) sets.push_back(1u << t);
  for (const uint32_t set : sets) {
    request.tensors = set;
    const NetworkStatistics some = collectNetwork(request, 0);
    expect(same(some, all, set), "graph " + std::to_string(seed) + ": tensor set " + std::to_string(set));
    for (const UnitStatistics& unit : some.units)
      for (int t = 0; t < kTensorCount; ++t)
        expect((unit.tensors[static_cast<size_t>(t)] != nullptr) == ((set >> t & 1) != 0), "only what was asked for");
    if ((set & (1u << kT3)) == 0 || set != 1u << kT3) {
      for (size_t pass = 0; pass < 3; ++pass)
        expect(some.logits[pass].empty() || some.logits[pass] == all.logits[pass], "logits do not depend on the set");
    }
  }
}

CollectRequest manyNetworks(size_t count) {
  CollectRequest request = randomRequest(3);
  request.networks[0].parameters.clear();
  request.networks.resize(count, request.networks[0]);
  for (size_t i = 0; i < count; ++i) request.networks[i].key = i / 2;
  request.minibatch.noise.clear();
  request.minibatch.perturbed.clear();
  request.seed = 11;
  return request;
}

std::vector<NetworkStatistics> collectAll(const CollectRequest& request, int threads) {
  std::vector<NetworkStatistics> all(request.networks.size());
  JobControl control;
  parallelFor(all.size(), threads, control, [&](size_t i, int) { all[i] = collectNetwork(request, i); });
  expect(control.done == all.size(), "every network is counted as done");
  return all;
}

void seedsKeysAndThreads() {
  CollectRequest request = manyNetworks(8);
  const auto one = collectAll(request, 1), three = collectAll(request, 3);
  for (size_t i = 0; i < one.size(); ++i) {
    expect(same(one[i], three[i], kAllTensors), "threads do not change results");
    expect(same(one[i], one[i / 2 * 2], kAllTensors), "equal keys give equal networks");
    if (i >= 2) expect(!same(one[i], one[0], 1u << kT3), "different keys give different networks");
  }
  CollectRequest given = request;
  for (NetworkRequest& network : given.networks)
    network.parameters = initialParameters(network.graph, given.seed, network.key);
  expect(same(collectNetwork(given, 5), one[5], kAllTensors), "initialParameters are what collectNetwork uses");
  request.seed = 12;
  const NetworkStatistics other = collectNetwork(request, 0);
  expect(!same(other, one[0], 1u << kT3) && !same(other, one[0], 1u << kT1N), "the seed changes weights and noise");
}

void initialisation() {
  test::GraphWords words({64, 4, 4});
  const int conv = words.conv(0, {.out = 96, .kernelH = 3, .kernelW = 3, .groups = 2, .bias = 1});
  words.linear(conv, 500, 1);
  const auto parameters = initialParameters(words.graph(), 1, 2);
  const double wanted[] = {std::sqrt(2.0 / (96 * 9)), 0, 0.01, 0};
  for (size_t p = 0; p < 4; ++p) {
    double square = 0;
    for (const float v : parameters[p]) square += static_cast<double>(v) * v;
    const double deviation = std::sqrt(square / static_cast<double>(parameters[p].size()));
    // The standard error of a deviation is σ / √(2n); n is 27,648 and 192,000.
    expect(std::abs(deviation - wanted[p]) <= 0.02 * wanted[p], "deviation of parameter " + std::to_string(p));
  }
}

void sharedZeros() {
  // A branch of zeros into a unit, and a unit whose gradient never arrives.
  test::GraphWords words({3, 6, 6});
  const int fed = words.triple(words.zero(0), {.out = 3, .kernelH = 3, .kernelW = 3, .padH = 1, .padW = 1});
  words.zero(words.triple(0, {.out = 3}));
  words.linear(words.add({fed, 0}), 2, 0);
  CollectRequest request = randomRequest(1);
  request.networks[0] = {words.graph(), 0, {}};
  request.minibatch.shape = {3, 6, 6};
  request.minibatch.data = test::NumberStream{5}.many(3 * 3 * 36);
  request.minibatch.noise.clear();
  request.minibatch.perturbed.clear();
  const NetworkStatistics s = collectNetwork(request, 0);
  const auto norm = [&](size_t unit, int tensor) {
    double sum = 0;
    for (int64_t i = 0; i < s.units[unit].shapes.of(tensor).numel(); ++i)
      sum += std::abs(s.units[unit].tensors[static_cast<size_t>(tensor)][i]);
    return sum;
  };
  for (const int t : {kT1D, kT2N, kT4P, kT1GD, kT3GN}) expect(norm(0, t) == 0, "a unit fed by zeros records zeros");
  for (const int t : {kT2GD, kT4GD}) expect(norm(0, t) > 0, "but gradients do arrive at its convolution");
  for (const int t : {kT1GD, kT2GN, kT3GP, kT4GD}) expect(norm(1, t) == 0, "no gradient: zeros");
  for (const int t : {kT1D, kT2D, kT4D}) expect(norm(1, t) > 0, "but its forward tensors are recorded");
}

void activationsOfZero() {
  const CollectRequest request = test::activationsOfZero();
  expectReference(request, collectNetwork(request, 0), "activations of zero");
  expectReference(request, gradients(request, 0), "gradients behind zero");
}

void badRequests() {
  const CollectRequest good = randomRequest(4);
  validate(good);
  const auto bad = [&](auto change, const char* code, auto... fragments) {
    CollectRequest request = good;
    change(request);
    expectError(
        code, [&] { validate(request); }, fragments...);
  };
  const char* const invalid = code::kInvalidArgument;
  const size_t perImage = good.minibatch.data.size() / 3;
  bad([](CollectRequest& r) { r.networks.clear(); }, invalid, "no networks");
  bad([](CollectRequest& r) { r.minibatch.batch = 0; }, invalid, "batch is 0");
  bad([](CollectRequest& r) { r.minibatch.batch = -3; }, invalid, "batch is -3");
  bad([](CollectRequest& r) { r.minibatch.batch = 4; }, invalid, "data has", "4 images");
  bad([](CollectRequest& r) { r.minibatch.noise.pop_back(); }, invalid, "noise has");
  bad([](CollectRequest& r) { r.minibatch.perturbed.push_back(0); }, invalid, "perturbed has");
  bad([&](CollectRequest& r) { r.minibatch.data[perImage + 2] = std::nanf(""); }, invalid, "data: image 1, element 2",
      "nan");
  bad([&](CollectRequest& r) { r.minibatch.noise[1] = -std::numeric_limits<float>::infinity(); }, invalid,
      "noise: image 0, element 1", "inf");
  bad([](CollectRequest& r) { r.minibatch.shape.h = 0; }, invalid, "image shape");
  bad([](CollectRequest& r) { r.threads = -1; }, invalid, "threads is -1");
  bad([](CollectRequest& r) { r.tensors = 1u << kTensorCount; }, invalid, "22");
  bad([](CollectRequest& r) { r.networks[0].parameters.pop_back(); }, invalid, "network 0", "parameters");
  bad([](CollectRequest& r) { r.networks[0].parameters[1].push_back(0); }, invalid, "network 0: parameter 1");
  bad(
      [](CollectRequest& r) {
        r.minibatch.shape.c += 1;
        r.minibatch.data = r.minibatch.noise = r.minibatch.perturbed = std::vector<float>(
            static_cast<size_t>(3 * r.minibatch.shape.c * r.minibatch.shape.h * r.minibatch.shape.w));
      },
      invalid, "network 0 takes images of");
  bad([](CollectRequest& r) { r.minibatch.batch = std::numeric_limits<int>::max(); }, code::kTooLarge, "2^34");
  setMemoryLimit(size_t{1} << 30);
  bad(
      [](CollectRequest& r) {
        test::GraphWords words(r.minibatch.shape);
        words.conv(0,
                   {.out = 2000, .kernelH = 3, .kernelW = 3, .strideH = 9, .strideW = 9, .padH = 4000, .padW = 4000});
        r.networks[0] = {words.graph(), 0, {}};
      },
      code::kTooLarge, "network 0", "MB", "1073 MB");
  setMemoryLimit(0);
}

void memoryRunsOut() {
  const CollectRequest request = manyNetworks(4);
  collectNetwork(request, 0);
  const size_t before = memoryInUse();
  expect(before == 0, "nothing is held between jobs");
  for (const size_t limit : {size_t{1}, size_t{100'000}, size_t{400'000}}) {
    setMemoryLimit(limit);
    expectError(
        code::kOutOfMemory, [&] { collectAll(request, 2); }, "bytes", "limit of " + std::to_string(limit));
    expect(memoryInUse() == before, "everything is released after a failure");
  }
  setMemoryLimit(0);
  const NetworkStatistics after = collectNetwork(request, 0);
  expect(memoryInUse() > before, "statistics hold memory");
  expectError(
      code::kOutOfMemory, [] { const Buffer buffer(std::numeric_limits<size_t>::max() / 8); }, "bytes");
}

void jobs() {
  for (const int threads : {1, 2, 5}) {
    JobControl control;
    std::atomic<int> ran{0};
    expectError(
        code::kAborted,
        [&] {
          parallelFor(100, threads, control, [&](size_t i, int) {
            ++ran;
            if (i == 3) control.cancelled = true;
          });
        },
        "cancelled");
    expect(ran >= 4 && ran < 4 + 2 * threads, "a cancelled job hands out no more");

    JobControl failing;
    expectError(
        code::kInvalidArgument,
        [&] {
          parallelFor(50, threads, failing, [&](size_t i, int) {
            if (i == 7) throw Error(code::kInvalidArgument, "seven");
          });
        },
        "seven");

    JobControl whole;
    std::vector<std::atomic<int>> visits(33);
    std::atomic<size_t> reported{0};
    whole.onProgress = [&](size_t) { ++reported; };
    parallelFor(visits.size(), threads, whole, [&](size_t i, int worker) {
      ++visits[i];
      expect(worker >= 0 && worker < threads, "worker number");
    });
    expect(std::all_of(visits.begin(), visits.end(), [](const auto& v) { return v == 1; }), "each index once");
    expect(reported == visits.size(), "progress is reported for each index");
    JobControl nothing;
    parallelFor(0, threads, nothing, [](size_t, int) { expect(false, "no index, no call"); });
  }
  expect(availableThreads() >= 1, "there is always a thread");
}

void atThisLevel() {
  for (uint64_t seed = 1; seed <= 26; ++seed) {
    const bool gated = seed > 16;
    if (gated && test::cancels(randomRequest(seed, gated))) continue;
    againstReference(randomRequest(seed, gated), "graph " + std::to_string(seed));
    gradientsAgainstReference(seed, gated);
    if (seed % 3 == 0) anySetOfTensors(seed, gated);
  }
  separableBesideOthers();
  activationsOfZero();
  sharedZeros();
  seedsKeysAndThreads();
  initialisation();
  badRequests();
  memoryRunsOut();
  jobs();
}

/// Runs this program again with EZNAS_SIMD set, which is read at load.
void again(const char* program, const std::string& level) {
  expect(std::system(("EZNAS_SIMD=" + level + " '" + program + "'").c_str()) == 0, "at level " + level);
}

}  // namespace

int main(int, char** arguments) {
  const char* asked = std::getenv("EZNAS_SIMD");
  if (asked == nullptr || *asked == '\0') {
    for (const SimdLevel level : supportedSimdLevels()) again(arguments[0], name(level));
    again(arguments[0], "avx9000");
  } else if (std::strcmp(asked, "avx9000") == 0) {
    expectError(
        code::kInvalidArgument, [] { simdLevel(); }, "avx9000", "baseline");
  } else {
    expect(std::strcmp(name(simdLevel()), asked) == 0, "EZNAS_SIMD chooses the level");
    atThisLevel();
  }
  return test::finish("executor_test");
}
