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
#include "test/native/random_graph.h"
#include "test/native/reference_network.h"

using namespace eznas;
using test::Disturbance;
using test::expect;
using test::expectError;
using test::RandomGraph;
using test::ReferenceNetwork;
using test::Values;

namespace {

struct Stream {
  uint64_t state;
  float next() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(static_cast<int64_t>(state) >> 40) / (1 << 22);
  }
  std::vector<float> many(size_t count) {
    std::vector<float> values(count);
    for (float& v : values) v = next();
    return values;
  }
};

/// A request for one network with given inputs and parameters; biases are given too, so that they matter.
CollectRequest requestFor(Graph graph, uint64_t seed, int batch = 3) {
  CollectRequest request;
  request.networks.resize(1);
  NetworkRequest& network = request.networks[0];
  network.graph = std::move(graph);
  Stream stream{seed + 77};
  for (const Parameter& p : network.graph.parameters) {
    std::vector<float> values = stream.many(p.size);
    const double fan = static_cast<double>(p.size) / p.shape[0];
    for (float& v : values) v = static_cast<float>(v / std::sqrt(p.role == Parameter::Role::bias ? 9.0 : fan));
    network.parameters.push_back(std::move(values));
  }
  Minibatch& m = request.minibatch;
  m.batch = batch;
  m.shape = network.graph.nodes[0].shape;
  const size_t count = static_cast<size_t>(batch) * m.shape.c * m.shape.h * m.shape.w;
  m.data = stream.many(count);
  m.noise = stream.many(count);
  m.perturbed = m.data;
  for (float& v : m.perturbed) v += 0.1f * stream.next();
  request.logits = true;
  return request;
}

CollectRequest randomRequest(uint64_t seed) { return requestFor(RandomGraph(seed).graph(), seed); }

/// ‖a − b‖ ≤ 1e-4 · ‖b‖, with room for a tensor that is all but zero.
void expectClose(const float* got, const Values& want, const std::string& what) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    difference += std::pow(got[i] - want[i], 2);
    norm += want[i] * want[i];
  }
  const double scale = std::sqrt(norm) + 1e-2;
  expect(std::sqrt(difference) <= 1e-4 * scale,
         what + ": relative difference " + std::to_string(std::sqrt(difference) / scale));
}

/// Elements of a tensor to differentiate by: ends and some in between.
std::vector<size_t> samples(size_t size) {
  std::vector<size_t> elements;
  for (const size_t element : {size_t{0}, size / 3, size / 2, size * 4 / 5, size - 1})
    if (elements.empty() || elements.back() != element) elements.push_back(element);
  return elements;
}

/// Gradients agree with derivatives to 1e-3 of the tensor's largest one.
class GradientCheck {
 public:
  GradientCheck(const float* got, size_t size, std::string what) : got_(got), size_(size), what_(std::move(what)) {
    for (size_t i = 0; i < size; ++i) scale_ = std::max(scale_, std::abs(static_cast<double>(got[i])));
  }
  template <class Derivative>
  void against(Derivative derivative) const {
    for (const size_t element : samples(size_)) {
      const double want = derivative(element);
      expect(std::abs(got_[element] - want) <= 1e-3 * scale_ + 2e-5,
             what_ + "[" + std::to_string(element) + "] is " + std::to_string(got_[element]) + ", not " +
                 std::to_string(want) + " (scale " + std::to_string(scale_) + ")");
    }
  }

 private:
  const float* got_;
  size_t size_;
  std::string what_;
  double scale_ = 0;
};

bool readsRelu(const Graph& graph, const Unit& unit) {
  return graph.nodes[static_cast<size_t>(unit.conv)].inputs[0] == unit.relu;
}

/// Derivatives at the places where a unit's gradients are recorded.
struct UnitDerivatives {
  Values t1g, t2g, t3g, t4g;  // at samples() of each
};
UnitDerivatives derivatives(ReferenceNetwork& network, const Graph& graph, const Unit& unit, const UnitShapes& shapes,
                            const std::vector<Values>& values) {
  UnitDerivatives d;
  const auto at = [&](Disturbance::Place place, int index, size_t element) {
    return network.derivative({place, index, element, 0});
  };
  int weight = 0;
  while (graph.parameters[static_cast<size_t>(weight)].node != unit.conv) ++weight;
  const Values& t1 = values[static_cast<size_t>(graph.nodes[static_cast<size_t>(unit.relu)].inputs[0])];
  for (const size_t e : samples(static_cast<size_t>(shapes.before.numel()))) {
    d.t2g.push_back(at(Disturbance::Place::operand, unit.conv, e));
    const double arriving = readsRelu(graph, unit) ? d.t2g.back() : at(Disturbance::Place::output, unit.relu, e);
    d.t1g.push_back(t1[e] > 0 ? arriving : 0);
  }
  for (const size_t e : samples(static_cast<size_t>(shapes.weight.numel())))
    d.t3g.push_back(at(Disturbance::Place::parameter, weight, e));
  for (const size_t e : samples(static_cast<size_t>(shapes.after.numel())))
    d.t4g.push_back(at(Disturbance::Place::output, unit.batchNorm, e));
  return d;
}

void againstReference(const CollectRequest& request, const std::string& name) {
  const Graph& graph = request.networks[0].graph;
  const NetworkStatistics statistics = collectNetwork(request, 0);
  const std::vector<const std::vector<float>*> inputs{&request.minibatch.data, &request.minibatch.noise,
                                                      &request.minibatch.perturbed};
  std::vector<std::vector<Values>> forward;
  std::vector<std::vector<UnitDerivatives>> backward(3);
  ReferenceNetwork network(graph, request.networks[0].parameters, request.minibatch.batch);
  for (size_t pass = 0; pass < 3; ++pass) {
    forward.push_back(network.settle(*inputs[pass]));
    for (size_t u = 0; u < graph.units.size(); ++u)
      backward[pass].push_back(derivatives(network, graph, graph.units[u], statistics.units[u].shapes, forward[pass]));
    expectClose(statistics.logits[pass].data(), forward[pass][static_cast<size_t>(graph.output)], "logits");
  }

  for (size_t u = 0; u < graph.units.size(); ++u) {
    const Unit& unit = graph.units[u];
    const UnitStatistics& got = statistics.units[u];
    const std::string label = name + " unit " + std::to_string(u) + " ";
    for (size_t pass = 0; pass < 3; ++pass) {
      const std::string suffix(1, "DNP"[pass]);
      const auto activation = [&](int first, int node) {
        Values want = forward[pass][static_cast<size_t>(node)];
        if (pass == 2)
          for (size_t k = 0; k < want.size(); ++k) want[k] -= forward[0][static_cast<size_t>(node)][k];
        expectClose(got.tensors[static_cast<size_t>(first) + pass], want,
                    std::string(label).append("activation ").append(suffix));
      };
      activation(kT1D, graph.nodes[static_cast<size_t>(unit.relu)].inputs[0]);
      activation(kT2D, graph.nodes[static_cast<size_t>(unit.conv)].inputs[0]);
      activation(kT4D, unit.batchNorm);
      const auto gradient = [&](int first, Values UnitDerivatives::*member, const char* what) {
        const int tensor = first + static_cast<int>(pass);
        const auto size = static_cast<size_t>(got.shapes.of(tensor).numel());
        size_t k = 0;
        GradientCheck(got.tensors[static_cast<size_t>(tensor)], size, label + what + suffix).against([&](size_t) {
          const double less = pass == 2 ? (backward[0][u].*member)[k] : 0;
          return (backward[pass][u].*member)[k++] - less;
        });
      };
      gradient(kT1GD, &UnitDerivatives::t1g, "T1G");
      gradient(kT2GD, &UnitDerivatives::t2g, "T2G");
      gradient(kT3GD, &UnitDerivatives::t3g, "T3G");
      gradient(kT4GD, &UnitDerivatives::t4g, "T4G");
    }
  }
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

void gradientsAgainstReference(uint64_t seed) {
  const CollectRequest request = randomRequest(seed);
  const Graph& graph = request.networks[0].graph;
  const Gradients got = gradients(request, 0);
  ReferenceNetwork network(graph, request.networks[0].parameters, request.minibatch.batch);
  const Values logits = network.settle(request.minibatch.data)[static_cast<size_t>(graph.output)];
  const std::string label = "graph " + std::to_string(seed);
  expectClose(got.logits.data(), logits, label + " logits");
  GradientCheck(got.input.data(), got.input.size(), label + " input").against([&](size_t e) {
    return network.derivative({Disturbance::Place::output, 0, e, 0});
  });
  for (size_t p = 0; p < graph.parameters.size(); ++p)
    GradientCheck(got.parameters[p].data(), got.parameters[p].size(), label + " parameter " + std::to_string(p))
        .against([&](size_t e) {
          return network.derivative({Disturbance::Place::parameter, static_cast<int>(p), e, 0});
        });
}

bool sameBits(const float* a, const float* b, int64_t count) {
  return std::memcmp(a, b, static_cast<size_t>(count) * sizeof(float)) == 0;
}

/// Whether two records of one network hold the same bits in the tensors of a set.
bool same(const NetworkStatistics& a, const NetworkStatistics& b, uint32_t tensors) {
  for (size_t u = 0; u < a.units.size(); ++u)
    for (int t = 0; t < kTensorCount; ++t)
      if ((tensors >> t & 1) != 0 &&
          !sameBits(a.units[u].tensors[static_cast<size_t>(t)], b.units[u].tensors[static_cast<size_t>(t)],
                    a.units[u].shapes.of(t).numel()))
        return false;
  return true;
}

/// A tensor is the same whatever else is asked for, and nothing else is recorded.
void anySetOfTensors(uint64_t seed) {
  CollectRequest request = randomRequest(seed);
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
  request.minibatch.data = Stream{5}.many(3 * 3 * 36);
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
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    againstReference(randomRequest(seed), "graph " + std::to_string(seed));
    gradientsAgainstReference(seed);
    if (seed % 3 == 0) anySetOfTensors(seed);
  }
  separableBesideOthers();
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
