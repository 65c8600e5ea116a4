// Networks on the device against the plain float64 network and the CPU backend: all recorded tensors, logits and
// gradients, on random graphs of all node kinds and on NAS-Bench-201 cells; then what must not change results, and what
// must fail well.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "native/core/memory.h"
#include "native/cuda/device.h"
#include "native/cuda/network_runner.h"
#include "test/native/device_networks.h"
#include "test/native/expect.h"
#include "test/native/gated_networks.h"
#include "test/native/nasbench_graph.h"
#include "test/native/network_requests.h"
#include "test/native/reference_statistics.h"
#include "test/native/tf32_kernels.h"
#if defined(EZNAS_SHIM)
#include "shim.h"
#endif

namespace {

using namespace eznas;
using namespace eznas::cuda;
using test::expect;
using test::expectError;
using test::expectReference;
using test::randomRequest;
using test::requestFor;
using test::same;

std::vector<NetworkStatistics> collect(NetworkRunner& runner, const CollectRequest& request, Stream& stream,
                                       size_t begin = 0, size_t end = std::numeric_limits<size_t>::max()) {
  return test::toHost(runner.run(request, begin, std::min(end, request.networks.size()), stream), stream);
}

/// A request for networks of random graphs of one input shape, with initial values of the seed.
CollectRequest mixedRequest(size_t count, int batch) {
  CollectRequest request = requestFor(test::NasBenchGraph(test::cellOf(0), {8, 3, 1, 4}).graph(), 5, batch);
  request.networks.clear();
  for (size_t i = 0; i < count; ++i) {
    const int cell = static_cast<int>(i * 2654435761u % 15625u);
    request.networks.push_back({test::NasBenchGraph(test::cellOf(cell), {8, 3, 1, 4}).graph(), i, {}});
  }
  request.minibatch.noise.clear();
  request.minibatch.perturbed.clear();
  request.seed = 11;
  return request;
}

double norm(const float* a, const float* b, int64_t count) {
  double squares = 0;
  for (int64_t i = 0; i < count; ++i) squares += std::pow(static_cast<double>(a[i]) - (b ? b[i] : 0.0f), 2);
  return std::sqrt(squares);
}

/// How far the device may be from the CPU: of activations, and of gradients, which jump where rounding changes the sign
/// of what a ReLU reads.
struct Bounds {
  double activations, gradients;
};

bool isGradient(int t) {
  return (t >= kT1GD && t <= kT1GP) || (t >= kT2GD && t <= kT2GP) || (t >= kT3GD && t <= kT3GP) || t >= kT4GD;
}
bool isDifference(int t) { return t != kT3 && (t > kT3 ? t - 1 : t) % 3 == 2; }

/// ‖device − CPU‖ ≤ bound·‖CPU‖ for every tensor; the error of a difference is that of what was subtracted. Initial
/// values, which no product touches, are equal bit for bit.
void againstCpu(const CollectRequest& request, const std::vector<NetworkStatistics>& got, const Bounds& bounds,
                const std::string& name, const NetworkKernels& kernels = networkKernels(simdLevel())) {
  for (size_t i = 0; i < got.size(); ++i) {
    const NetworkStatistics want = collectNetwork(request, i, kernels);
    const std::string label = name + ": network " + std::to_string(i);
    expect(got[i].units.size() == want.units.size(), label + ": units");
    for (size_t u = 0; u < want.units.size(); ++u) {
      expect(got[i].units[u].shapes == want.units[u].shapes, label + ": shapes");
      for (int t = 0; t < kTensorCount; ++t) {
        const float *a = got[i].units[u].tensors[static_cast<size_t>(t)],
                    *b = want.units[u].tensors[static_cast<size_t>(t)];
        expect((a == nullptr) == (b == nullptr), label + ": what is recorded");
        if (b == nullptr) continue;
        const int64_t count = want.units[u].shapes.of(t).numel();
        if (t == kT3) expect(test::sameBits(a, b, count), label + ": initial weights");
        const float* base = isDifference(t) ? want.units[u].tensors[static_cast<size_t>(t) - 2] : nullptr;
        const double size = norm(b, nullptr, count) + (base ? norm(base, nullptr, count) : 0);
        const double d = norm(a, b, count) / (size + 1e-3);
        expect(
            d <= (isGradient(t) ? bounds.gradients : bounds.activations),
            label + " unit " + std::to_string(u) + " tensor " + std::to_string(t) + ": distance " + std::to_string(d));
      }
    }
    for (size_t pass = 0; pass < 3; ++pass) {
      expect(got[i].logits[pass].size() == want.logits[pass].size(), label + ": number of logits");
      const auto count = static_cast<int64_t>(want.logits[pass].size());
      const double d = norm(got[i].logits[pass].data(), want.logits[pass].data(), count) /
                       (norm(want.logits[pass].data(), nullptr, count) + 1e-3);
      expect(d <= bounds.activations, label + ": logits, distance " + std::to_string(d));
    }
  }
}

/// Scales and shifts: of zeros, of what a convolution made, of pooled maps, and in a unit; where sums, and where others
/// read them.
CollectRequest scaledNormalizations() {
  test::GraphWords words({3, 6, 6});
  const int ofZeros = words.batchNorm(words.zero(0), true);
  const int ofMaps = words.batchNorm(words.conv(0, {.out = 3, .bias = 1}), true);
  const int ofInput = words.batchNorm(0, true);
  const int relu = words.relu(words.add({ofZeros, ofMaps, ofInput}));
  const int conv = words.conv(relu, {.out = 5, .kernelH = 3, .kernelW = 3, .padH = 1, .padW = 1});
  const int last = words.batchNorm(conv, true);
  words.unit(relu, conv, last);
  const int pooled = words.node(NodeKind::globalAvgPool, {words.node(NodeKind::hardSwish, {last})});
  // A linear layer's gradient, equal for all images, would not pass the normalization.
  words.linear(words.node(NodeKind::sigmoid, {words.batchNorm(pooled, true)}), 4, 1);
  return requestFor(words.graph(), 6, 5);
}

void randomGraphs(NetworkRunner& runner, Stream& stream) {
  const auto check = [&](const CollectRequest& request, const std::string& name) {
    expectReference(request, collect(runner, request, stream)[0], name);
    expectReference(request, runner.gradients(request, 0, stream), name);
  };
  for (uint64_t seed = 1; seed <= 32; ++seed) {
    const bool gated = seed > 16;
    const CollectRequest request = randomRequest(seed, gated);
    if (!gated || !test::cancels(request)) check(request, "graph " + std::to_string(seed));
  }
  check(test::activationsOfZero(), "activations of zero");
  CollectRequest scaled = scaledNormalizations();
  check(scaled, "scaled normalizations");
  scaled.networks[0].parameters.clear();
  againstCpu(scaled, collect(runner, scaled, stream), {2e-5, 2e-3}, "initial scales and shifts");
}

/// Chunks of different networks give each network what it gets alone, bit for bit, and equal keys the same network.
void chunks(NetworkRunner& runner, Stream& stream) {
  CollectRequest request = mixedRequest(24, 2);
  request.networks.push_back(request.networks[7]);
  const auto all = collect(runner, request, stream);
  againstCpu(request, all, {2e-5, 2e-3}, "chunk");
  for (size_t i = 0; i < all.size(); i += 3)
    expect(same(collect(runner, request, stream, i, i + 1)[0], all[i], kAllTensors),
           "network " + std::to_string(i) + " alone");
  const auto some = collect(runner, request, stream, 5, 19);
  for (size_t i = 0; i < some.size(); ++i)
    expect(same(some[i], all[5 + i], kAllTensors) && some[i].logits == all[5 + i].logits, "a smaller chunk");
  expect(same(all.back(), all[7], kAllTensors), "equal keys give equal networks");
  expect(!same(all[7], all[8], 1u << kT3), "different keys give different networks");

  request.threads = 1;
  Stream other(stream.device());
  NetworkRunner fresh(stream.device(), Precision::float32);
  const auto again = collect(fresh, request, other);
  for (size_t i = 0; i < all.size(); ++i) expect(same(again[i], all[i], kAllTensors), "another runner and stream");

  CollectRequest given = request;
  for (NetworkRequest& network : given.networks)
    network.parameters = initialParameters(network.graph, given.seed, network.key);
  expect(same(collect(runner, given, stream, 4, 5)[0], all[4], kAllTensors), "given parameters");
  request.seed = 12;
  const auto reseeded = collect(runner, request, stream, 4, 5);
  expect(!same(reseeded[0], all[4], 1u << kT3) && !same(reseeded[0], all[4], 1u << kT1N),
         "the seed changes weights and noise");
}

/// Networks of inverted residual blocks, of either activation, in one chunk.
void mobileNetworks(NetworkRunner& runner, Stream& stream) {
  CollectRequest request = requestFor(test::MobileNetwork(NodeKind::relu6, 3).graph(), 5, 4);
  request.networks.clear();
  for (const NodeKind activation : {NodeKind::relu6, NodeKind::hardSwish})
    for (const int kernel : {3, 5})
      request.networks.push_back({test::MobileNetwork(activation, kernel).graph(), request.networks.size(), {}});
  request.seed = 3;
  againstCpu(request, collect(runner, request, stream), {2e-5, 2e-3}, "inverted residuals");
}

/// A tensor is the same whatever else is asked for, and nothing else is recorded. Sets differ in which passes are
/// alike, so that they are captured or not.
void anySetOfTensors(NetworkRunner& runner, Stream& stream, uint64_t seed, bool gated) {
  CollectRequest request = randomRequest(seed, gated);
  const NetworkStatistics all = std::move(collect(runner, request, stream)[0]);
  std::vector<uint32_t> sets{0,
                             1u << kT1GD | 1u << kT4P,
                             1u << kT3GP | 1u << kT2N,
                             1u << kT4P | 1u << kT1D,
                             1u << kT1GD | 1u << kT1GN,
                             1u << kT1GP | 1u << kT2GP | 1u << kT3};
  for (int t = 0; t < kTensorCount; ++t) sets.push_back(1u << t);
  for (const uint32_t set : sets) {
    request.tensors = set;
    const std::string label = "graph " + std::to_string(seed) + ": tensor set " + std::to_string(set);
    const NetworkStatistics some = std::move(collect(runner, request, stream)[0]);
    expect(same(some, all, set), label);
    for (const UnitStatistics& unit : some.units)
      for (int t = 0; t < kTensorCount; ++t)
        expect((unit.tensors[static_cast<size_t>(t)] != nullptr) == ((set >> t & 1) != 0), label + ": nothing else");
    for (size_t pass = 0; pass < 3; ++pass)
      expect(some.logits[pass].empty() || some.logits[pass] == all.logits[pass], label + ": logits");
  }
}

/// A branch of zeros into a unit, and a unit whose gradient never arrives.
void sharedZeros(NetworkRunner& runner, Stream& stream) {
  test::GraphWords words({3, 6, 6});
  const int fed = words.triple(words.zero(0), {.out = 3, .kernelH = 3, .kernelW = 3, .padH = 1, .padW = 1});
  words.zero(words.triple(0, {.out = 3}));
  words.linear(words.add({fed, 0}), 2, 0);
  CollectRequest request = requestFor(words.graph(), 5);
  request.networks[0].parameters.clear();
  againstCpu(request, collect(runner, request, stream), {1e-5, 1e-5}, "zeros");
}

/// Only the output matters, or nothing at all.
void littleToDo(NetworkRunner& runner, Stream& stream) {
  test::GraphWords words({2, 3, 5});
  CollectRequest request = requestFor(words.graph(), 1, 2);
  const auto input = collect(runner, request, stream);
  expect(input[0].units.empty() && input[0].logits[0] == request.minibatch.data, "the input as the output");
  request.logits = false;
  request.tensors = 0;
  expect(collect(runner, request, stream)[0].units.empty(), "nothing asked for");
  expect(runner.run(request, 0, 0, stream).networks.empty(), "no networks");
  words.zero(0);
  const CollectRequest zero = requestFor(words.graph(), 1, 2);
  expect(collect(runner, zero, stream)[0].logits[2] == std::vector<float>(60, 0.0f), "zeros as the output");
  const Gradients none = runner.gradients(zero, 0, stream);
  expect(none.input == std::vector<float>(60, 0.0f), "no gradient of zeros");
}

/// Tensor cores against the CPU with operands rounded as they round them. Float32 is no measure of them: where ten bits
/// of mantissa change the sign of what a ReLU reads, gradients of these small graphs differ by up to a third. What is
/// left are operands so near to the middle of two tf32 numbers that float32 sums in another order round them otherwise,
/// each by 2⁻¹¹.
void tensorCores(NetworkRunner& runner, Stream& stream) {
  constexpr double kStep = 0x1p-11;
  const NetworkKernels kernels = test::tf32Kernels();
  double fromRounded = 0, fromExact = 0;
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    const CollectRequest request = randomRequest(seed);
    const auto got = collect(runner, request, stream);
    againstCpu(request, got, {kStep, 4 * kStep}, "tf32 graph " + std::to_string(seed), kernels);
    const auto distance = [&](const NetworkStatistics& cpu) {
      const std::vector<float>& logits = cpu.logits[0];
      return norm(got[0].logits[0].data(), logits.data(), static_cast<int64_t>(logits.size()));
    };
    fromRounded += distance(collectNetwork(request, 0, kernels));
    fromExact += distance(collectNetwork(request, 0));
  }
  expect(fromExact > 10 * fromRounded, "tf32: the products are rounded ones, logits differ by " +
                                           std::to_string(fromRounded) + ", from float32's by " +
                                           std::to_string(fromExact));
}

void memory(NetworkRunner& runner, Stream& stream) {
  const CollectRequest request = mixedRequest(6, 4);
  size_t estimate = 0;
  for (size_t i = 0; i < request.networks.size(); ++i) estimate += NetworkRunner::bytesNeeded(request, i);
  stream.synchronize();
  const size_t before = deviceMemoryInUse(stream.device());
  {
    const DeviceNetworks networks = runner.run(request, 0, request.networks.size(), stream);
    const size_t kept = deviceMemoryInUse(stream.device()) - before;
    expect(kept > 0 && kept < estimate, "what is kept is part of what is needed");
  }
  expect(deviceMemoryInUse(stream.device()) == before, "nothing is held afterwards");

  // A batch whose maps cannot be numbered, and one that no device holds.
  CollectRequest large = request;
  large.minibatch.batch = 1 << 24;
  expectError(
      code::kTooLarge, [&] { NetworkRunner::bytesNeeded(large, 2); }, "network 2", "node", "2^31");
  test::GraphWords words({1, 4, 4});
  words.triple(words.conv(0, {.out = 2000, .kernelH = 3, .kernelW = 3, .padH = 300, .padW = 300}), {.out = 2000});
  CollectRequest wide = requestFor(words.graph(), 1, 1);
  wide.networks[0].parameters.clear();
  wide.networks.resize(200, wide.networks[0]);
  const size_t each = NetworkRunner::bytesNeeded(wide, 0);
  expect(each > size_t{4} << 30, "a large network is known to be large");
  expectError(
      code::kOutOfMemory, [&] { runner.run(wide, 0, 200, stream); }, "bytes");
  expect(deviceMemoryInUse(stream.device()) == before, "nothing is held after a failure");
  expect(runner.run(request, 0, 1, stream).networks.size() == 1, "the runner stays usable");
}

#if defined(EZNAS_SHIM)
/// Each call that a run makes fails once, early and late: a typed error, nothing held, and the next run is right.
void failures(Stream& stream) {
  NetworkRunner runner(stream.device(), Precision::float32);
  const CollectRequest request = mixedRequest(2, 2);
  const auto want = collect(runner, request, stream);
  const size_t before = deviceMemoryInUse(stream.device());
  for (const char* call : {"cudaMalloc", "cudaMallocHost", "cudaMemcpyAsync", "cudaMemsetAsync", "cudaLaunchKernel",
                           "cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiate", "cudaGraphLaunch",
                           "cudaEventRecord", "cudaEventCreateWithFlags", "cudaSetDevice", "cudaFuncSetAttribute"}) {
    for (const int nth : {1, 2, 7, 60}) {
      trimDeviceMemory(stream.device());
      const bool memory = std::string(call).find("Malloc") != std::string::npos;
      shim::failCall(call, nth, memory ? cudaErrorMemoryAllocation : cudaErrorInvalidValue);
      bool failed = false;
      try {
        NetworkRunner fresh(stream.device(), Precision::float32);
        fresh.run(request, 0, 2, stream);
      } catch (const Error& error) {
        failed = true;
        const std::string label = std::string(call) + " " + std::to_string(nth) + ": " + error.what();
        expect(error.code() == std::string(memory ? code::kOutOfMemory : code::kCudaError), label);
      }
      expect(failed || nth > 1, std::string(call) + " is never called");
      // What the run did not come to is forgotten.
      shim::reset();
      stream.synchronize();
      expect(deviceMemoryInUse(stream.device()) == before, std::string("after ") + call + " nothing is held");
    }
  }
  expect(same(collect(runner, request, stream)[1], want[1], kAllTensors), "the device stays usable");
}
#endif

}  // namespace

/// With --quick, networks alone.
int main(int count, char** arguments) {
  const bool quick = count > 1 && std::string(arguments[1]) == "--quick";
  Device& device = Device::get(0);
  Stream stream(device);
  NetworkRunner exact(device, Precision::float32), fast(device, Precision::tf32);
  randomGraphs(exact, stream);
  mobileNetworks(exact, stream);
  if (quick) return test::finish("cuda_network_test");
  chunks(exact, stream);
  for (const uint64_t seed : {3, 9, 12, 18, 24}) anySetOfTensors(exact, stream, seed, seed > 16);
  sharedZeros(exact, stream);
  littleToDo(exact, stream);
  tensorCores(fast, stream);
  memory(exact, stream);
#if defined(EZNAS_SHIM)
  failures(stream);
#endif
  return test::finish("cuda_network_test");
}
