// The host execution shim itself: what device code computes on it, and that it notices what it is meant to notice. Has
// nothing to say on a GPU.
#include <cuda_runtime.h>

#if !defined(EZNAS_SHIM)
#include <cstdio>
int main() { std::printf("cuda_shim_test: only for the shim\n"); }
#else
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "kernels/cuda/intrinsics.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/mma.h"
#include "native/cuda/device.h"
#include "shim.h"
#include "test/native/expect.h"

namespace {

using namespace eznas;
using namespace eznas::cuda;
using eznas::test::expect;
using eznas::test::expectError;

constexpr int kThreads = 256;

__global__ void sumKernel(const float* in, double* out, int perBlock) {
  __shared__ double partial[kThreads / 32];
  const int thread = static_cast<int>(threadIdx.x);
  double sum = 0;
  for (int i = thread; i < perBlock; i += kThreads) sum += in[static_cast<int>(blockIdx.x) * perBlock + i];
  sum = warpSum(sum);
  if (thread % 32 == 0) partial[thread / 32] = sum;
  __syncthreads();
  if (thread < 32) {
    sum = warpSum(thread < kThreads / 32 ? partial[thread] : 0.0);
    if (thread == 0) out[blockIdx.x] = sum;
  }
}

template <class T>
std::vector<T> download(const Stream& stream, const DeviceBuffer& buffer) {
  std::vector<T> host(buffer.bytes() / sizeof(T));
  stream.copyToHost(host.data(), buffer.data(), buffer.bytes());
  stream.synchronize();
  return host;
}

template <class T>
DeviceBuffer upload(const Stream& stream, const std::vector<T>& host) {
  DeviceBuffer buffer(stream, host.size() * sizeof(T));
  stream.copyToDevice(buffer.data(), host.data(), buffer.bytes());
  return buffer;
}

void testReduction(const Stream& stream) {
  constexpr int blocks = 200, perBlock = 1000;
  std::vector<float> in(blocks * perBlock);
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i % 977) - 400.0f;
  const DeviceBuffer from = upload(stream, in), to(stream, blocks * sizeof(double));
  launch(sumKernel, blocks, kThreads, 0, stream.get(), from.as<float>(), to.as<double>(), perBlock);
  const std::vector<double> sums = download<double>(stream, to);
  for (int b = 0; b < blocks; ++b) {
    const double expected = std::accumulate(in.begin() + b * perBlock, in.begin() + (b + 1) * perBlock, 0.0);
    expect(sums[static_cast<size_t>(b)] == expected, "sum of block " + std::to_string(b));
  }
  const int before = static_cast<int>(shim::launches());
  launch(sumKernel, dim3(0), kThreads, 0, stream.get(), from.as<float>(), to.as<double>(), perBlock);
  stream.synchronize();
  expect(static_cast<int>(shim::launches()) == before, "an empty grid starts nothing");
}

__global__ void reverseKernel(float* data, bool wait) {
  __shared__ float tile[64];
  const unsigned i = threadIdx.x;
  tile[i] = data[blockIdx.x * 64 + i];
  if (wait) __syncthreads();
  data[blockIdx.x * 64 + i] = tile[63 - i];
}

void testMissingBarrier(const Stream& stream) {
  for (const bool wait : {true, false}) {
    const DeviceBuffer data = upload(stream, std::vector<float>(64 * 9, 1.0f));
    launch(reverseKernel, 9, 64, 0, stream.get(), data.as<float>(), wait);
    size_t bad = 0;
    for (const float value : download<float>(stream, data)) bad += std::isnan(value) ? 1 : 0;
    expect(wait ? bad == 0 : bad == 32 * 9, "reads of shared memory that nobody wrote: " + std::to_string(bad));
  }
}

__global__ void votesKernel(int* out) {
  const int i = static_cast<int>(threadIdx.x), lane = i % 32;
  const unsigned odd = __ballot_sync(kFullMask, lane % 2);
  const int any = __any_sync(kFullMask, lane == 7), all = __all_sync(kFullMask, lane < 32),
            none = __all_sync(kFullMask, lane < 31);
  const int count = __syncthreads_count(i % 3 == 0), some = __syncthreads_or(i == 5), every = __syncthreads_and(i < 95);
  const int up = __shfl_up_sync(kFullMask, lane, 3), down = __shfl_down_sync(kFullMask, lane, 3);
  const int first = __shfl_sync(kFullMask, lane, 0, 8), across = __shfl_xor_sync(kFullMask, lane, 5);
  const double wide = __shfl_sync(kFullMask, lane + 0.5, 31);
  const bool right = odd == 0xaaaaaaaau && any == 1 && all == 1 && none == 0 && count == 32 && some == 1 &&
                     every == 0 && up == (lane < 3 ? lane : lane - 3) && down == (lane > 28 ? lane : lane + 3) &&
                     first == lane / 8 * 8 && across == (lane ^ 5) && wide == 31.5;
  out[i] = right ? 1 : 0;
}

__global__ void atomicsKernel(int* count, float* sum, unsigned* most) {
  atomicAdd(count, 1);
  atomicAdd(sum, 0.5f);
  atomicMax(most, blockIdx.x * blockDim.x + threadIdx.x);
}

void testPrimitives(const Stream& stream) {
  const DeviceBuffer out(stream, 96 * sizeof(int));
  launch(votesKernel, 1, 96, 0, stream.get(), out.as<int>());
  for (const int right : download<int>(stream, out)) expect(right == 1, "votes and shuffles");

  const DeviceBuffer totals = upload(stream, std::vector<float>(3, 0.0f));
  launch(atomicsKernel, 64, 128, 0, stream.get(), totals.as<int>(), totals.as<float>() + 1, totals.as<unsigned>() + 2);
  const std::vector<float> found = download<float>(stream, totals);
  expect(std::bit_cast<int>(found[0]) == 8192, "atomicAdd of integers over all workers");
  expect(found[1] == 4096.0f, "atomicAdd of floats");
  expect(std::bit_cast<unsigned>(found[2]) == 8191, "atomicMax");
}

__global__ void divergentKernel(int* out) {
  if (threadIdx.x < 32 && blockIdx.x == 3) {
    __shfl_sync(kFullMask, 1, 0);
    if (threadIdx.x == 31) __syncthreads();
  }
  __syncwarp();
  out[threadIdx.x] = 1;
}

__global__ void lonelyKernel() {
  if (threadIdx.x != 5) __syncwarp();
}

__global__ void overflowKernel(float* data, int at) { data[at] = 1; }

__global__ void readKernel(const float* data, float* out, long at) { *out = data[at]; }

__global__ void sharedOverflowKernel(int at) {
  EZNAS_DYNAMIC_SHARED(float, shared);
  shared[at] = 1;
}

/// Runs what must end in this error, and makes the pretend device usable again.
template <class Body, class... Fragments>
void expectDeviceError(const char* code, const Body& body, Fragments... fragments) {
  expectError(code, body, fragments...);
  shim::reset();
}

void testDetection(const Stream& stream) {
  const DeviceBuffer out(stream, 4096);
  const auto launchAndWait = [&](auto kernel, auto... arguments) {
    return [=, &stream] {
      launch(kernel, 4, 64, 64, stream.get(), arguments...);
      stream.synchronize();
    };
  };
  expectDeviceError(code::kCudaError, launchAndWait(divergentKernel, out.as<int>()), "cudaStreamSynchronize",
                    "divergentKernel", "block (3, 0, 0)", "__syncthreads", "cannot use the device any more");
  expectDeviceError(code::kCudaError, launchAndWait(lonelyKernel), "lonelyKernel", "31 wait at __syncwarp", "33 ended");
  expectDeviceError(code::kCudaError, launchAndWait(readKernel, out.as<float>(), out.as<float>(), 1L << 40),
                    "readKernel", "illegal address");
  expectDeviceError(code::kCudaError, launchAndWait(readKernel, out.as<float>(), out.as<float>(), 1030L), "readKernel",
                    "thread (", "24 bytes past the end of an allocation of 4096 bytes");
  expectDeviceError(code::kCudaError, launchAndWait(sharedOverflowKernel, 16), "sharedOverflowKernel",
                    "illegal address");
  expectDeviceError(code::kCudaError, launchAndWait(sharedOverflowKernel, -1), "before its start");
  launchAndWait(sharedOverflowKernel, 15)();
  {
    const DeviceBuffer odd(stream, 1000);
    expectDeviceError(code::kCudaError, launchAndWait(overflowKernel, odd.as<float>(), 250), "overflowKernel",
                      "0 bytes past the end of an allocation of 1000 bytes");
    expect(!shim::damagedGuard().empty(), "the guard zone stays damaged");
    odd.as<float>()[250] = std::bit_cast<float>(0xffffffffu);
    expectDeviceError(code::kCudaError, launchAndWait(overflowKernel, odd.as<float>(), -1),
                      "4 bytes before the start of an allocation of 1000 bytes");
    odd.as<float>()[-1] = std::bit_cast<float>(0xffffffffu);
    expect(shim::damagedGuard().empty(), "whole again");
  }
}

void testLimits(const Stream& stream) {
  const auto refused = [&](dim3 grid, dim3 block, size_t bytes) {
    return [=, &stream] { launch(sharedOverflowKernel, grid, block, bytes, stream.get(), 0); };
  };
  expectError(code::kCudaError, refused(1, 1025, 64), "sharedOverflowKernel", "cudaErrorInvalidConfiguration",
              "can still be used");
  expectError(code::kCudaError, refused(dim3(1, 65536), 1, 64), "cudaErrorInvalidConfiguration");
  expectError(code::kCudaError, refused(1, 1, (227 << 10) + 1), "cudaErrorInvalidValue");
  launch(sharedOverflowKernel, 1, 1, 227 << 10, stream.get(), (227 << 10) / 4 - 1);
  stream.synchronize();
}

void testFailures(Device& device, const Stream& stream) {
  shim::failCall("cudaMalloc", 2, cudaErrorMemoryAllocation);
  const DeviceBuffer first(stream, 12345);
  expectError(
      code::kOutOfMemory, [&] { DeviceBuffer(stream, 54321); }, "54321 bytes", "cuda:0");
  DeviceBuffer(stream, 54321);
  shim::failCall("cudaMemcpyAsync", 1, cudaErrorInvalidValue);
  float host = 0;
  expectError(
      code::kCudaError, [&] { stream.copyToDevice(first.data(), &host, 4); }, "cudaMemcpyAsync",
      "cudaErrorInvalidValue (invalid argument)", "can still be used");
  expectError(
      code::kCudaError, [&] { stream.copyToDevice(&host, &host, 4); }, "cudaMemcpyAsync");
  shim::failCall("cudaLaunchKernel", 1, cudaErrorIllegalAddress);
  expectError(
      code::kCudaError, [&] { launch(overflowKernel, 1, 1, 0, stream.get(), first.as<float>(), 0); }, "overflowKernel",
      "cudaErrorIllegalAddress", "cannot use the device any more");
  expectError(
      code::kCudaError, [&] { stream.synchronize(); }, "cudaErrorIllegalAddress");
  shim::reset();
  stream.synchronize();

  setenv("EZNAS_SHIM_FAIL", "cudaMallocHost:2,cudaLaunchKernel:1:cudaErrorInvalidConfiguration", 1);
  shim::reset();
  const PinnedBuffer pinned(16);
  expectError(
      code::kOutOfMemory, [] { PinnedBuffer(16); }, "cudaMallocHost");
  expectError(
      code::kCudaError, [&] { launch(overflowKernel, 1, 1, 0, stream.get(), first.as<float>(), 0); },
      "cudaErrorInvalidConfiguration");
  unsetenv("EZNAS_SHIM_FAIL");
  shim::reset();

  setenv("EZNAS_SHIM_MEMORY", "1000000", 1);
  shim::reset();
  trimDeviceMemory(device);
  expect(deviceMemoryBudget(device) < 1000000 - shim::allocatedBytes(0), "the budget keeps a reserve");
  expectError(
      code::kOutOfMemory, [&] { DeviceBuffer(stream, 1000001); }, "1000001 bytes", "gives no more");
  unsetenv("EZNAS_SHIM_MEMORY");
  shim::reset();
  setenv("EZNAS_GPU_MEMORY_LIMIT", "100000", 1);
  expectError(
      code::kOutOfMemory, [&] { DeviceBuffer(stream, 100001); }, "EZNAS_GPU_MEMORY_LIMIT allows 100000");
  expect(deviceMemoryBudget(device) == 100000 - deviceMemoryInUse(device), "the limit bounds the budget");
  unsetenv("EZNAS_GPU_MEMORY_LIMIT");

  const auto failing = [](const char* variable, const char* value, const char* call, cudaError_t error) {
    setenv(variable, value, 1);
    shim::reset();
    if (*call != '\0') shim::failCall(call, 1, error);
    const Inventory found = inventory();
    unsetenv(variable);
    shim::reset();
    return found;
  };
  expect(failing("EZNAS_SHIM_DEVICES", "0", "", cudaSuccess).error.find("no GPU") != std::string::npos, "no device");
  expect(failing("EZNAS_SHIM_DEVICES", "1", "cudaGetDeviceCount", cudaErrorInsufficientDriver).error.find("r580") !=
             std::string::npos,
         "an old driver");
  expect(failing("EZNAS_SHIM_DEVICES", "3", "", cudaSuccess).devices.size() == 3, "three devices");
  expectError(
      code::kNoDevice, [] { Device::get(7); }, "no device cuda:7", "has 1");
}

__global__ void addKernel(float* data, float amount) { data[blockIdx.x * blockDim.x + threadIdx.x] += amount; }
__global__ void doubleKernel(float* data) { data[blockIdx.x * blockDim.x + threadIdx.x] *= 2; }

void testStreams(Device& device, const Stream& stream) {
  const Stream other(device);
  const PinnedBuffer pinned(64 * sizeof(float));
  const DeviceBuffer data(stream, pinned.bytes());
  stream.fill(data.data(), 0, data.bytes());
  launch(addKernel, 2, 32, 0, stream.get(), data.as<float>(), 3.0f);
  Event added(device, true), doubled(device, true);
  added.record(stream);
  added.holdBack(other);
  launch(doubleKernel, 2, 32, 0, other.get(), data.as<float>());
  doubled.record(other);
  other.copyToHost(pinned.data(), data.data(), data.bytes());
  expect(std::isnan(pinned.as<float>()[0]), "nothing runs before the stream is synchronised");
  other.synchronize();
  expect(pinned.as<float>()[0] == 6.0f && pinned.as<float>()[63] == 6.0f, "a stream waits for another's event");
  expect(added.done() && doubled.done() && doubled.millisecondsSince(added) >= 0, "events are done");

  // Without the event the other stream runs first: the order of streams is the order in which they are waited for.
  stream.fill(data.data(), 0, data.bytes());
  launch(addKernel, 2, 32, 0, stream.get(), data.as<float>(), 3.0f);
  launch(doubleKernel, 2, 32, 0, other.get(), data.as<float>());
  other.synchronize();
  expect(download<float>(stream, data)[0] == 3.0f, "streams are in no order of their own");
}

void testGraphs(const Stream& stream) {
  const DeviceBuffer data = upload(stream, std::vector<float>(64, 1.0f));
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  EZNAS_CUDA(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal));
  launch(addKernel, 2, 32, 0, stream.get(), data.as<float>(), 1.0f);
  launch(doubleKernel, 2, 32, 0, stream.get(), data.as<float>());
  EZNAS_CUDA(cudaStreamEndCapture(stream.get(), &graph));
  EZNAS_CUDA(cudaGraphInstantiate(&exec, graph, 0));
  EZNAS_CUDA(cudaGraphDestroy(graph));
  expect(download<float>(stream, data)[5] == 1.0f, "capture runs nothing");
  for (int i = 0; i < 3; ++i) EZNAS_CUDA(cudaGraphLaunch(exec, stream.get()));
  expect(download<float>(stream, data)[5] == 22.0f, "a graph can be replayed");
  EZNAS_CUDA(cudaGraphExecDestroy(exec));
}

__global__ void copyKernel(const float* from, float* to, bool wait) {
  __shared__ __align__(16) float tile[128];
  const unsigned i = threadIdx.x;
  copyAsync16(tile + 4 * i, from + 4 * i, i != 3);
  commitAsync();
  if (wait) waitAsync<0>();
  __syncthreads();
  for (unsigned j = i; j < 128; j += 32) to[j] = tile[j];
}

void testAsyncCopies(const Stream& stream) {
  std::vector<float> in(128);
  std::iota(in.begin(), in.end(), 1.0f);
  const DeviceBuffer from = upload(stream, in), to(stream, from.bytes());
  launch(copyKernel, 1, 32, 0, stream.get(), from.as<float>(), to.as<float>(), true);
  const std::vector<float> out = download<float>(stream, to);
  for (size_t i = 0; i < 128; ++i) expect(out[i] == (i / 4 == 3 ? 0.0f : in[i]), "asynchronous copy");
  launch(copyKernel, 1, 32, 0, stream.get(), from.as<float>(), to.as<float>(), false);
  expect(std::isnan(download<float>(stream, to)[0]), "a copy that is not waited for has not arrived");
}

__global__ void productKernel(const float* a, const float* b, float* d) {
  const unsigned g = threadIdx.x / 4, t = threadIdx.x % 4;
  const uint32_t left[4] = {toTf32(a[g * 8 + t]), toTf32(a[(g + 8) * 8 + t]), toTf32(a[g * 8 + t + 4]),
                            toTf32(a[(g + 8) * 8 + t + 4])};
  const uint32_t right[2] = {toTf32(b[t * 8 + g]), toTf32(b[(t + 4) * 8 + g])};
  float sum[4] = {1, 1, 1, 1};
  mmaTf32(sum, left, right);
  d[g * 8 + 2 * t] = sum[0];
  d[g * 8 + 2 * t + 1] = sum[1];
  d[(g + 8) * 8 + 2 * t] = sum[2];
  d[(g + 8) * 8 + 2 * t + 1] = sum[3];
}

/// Nearest number of 11 significant bits, ties away from zero, by arithmetic.
double tf32(double value) {
  if (value == 0) return value;
  const double scale = std::ldexp(1.0, std::ilogb(value) - 10);
  return std::copysign(std::floor(std::fabs(value) / scale + 0.5) * scale, value);
}

void testProduct(const Stream& stream) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> a(16 * 8), b(8 * 8);
  for (float& value : a) value = normal(random);
  for (float& value : b) value = normal(random);
  a[0] = 1 + 0x1p-11f;  // a tie
  const DeviceBuffer left = upload(stream, a), right = upload(stream, b), product(stream, 16 * 8 * sizeof(float));
  launch(productKernel, 1, 32, 0, stream.get(), left.as<float>(), right.as<float>(), product.as<float>());
  const std::vector<float> d = download<float>(stream, product);
  for (size_t i = 0; i < 16; ++i)
    for (size_t j = 0; j < 8; ++j) {
      double expected = 1, magnitude = 1;
      for (size_t k = 0; k < 8; ++k) {
        const double term = tf32(a[i * 8 + k]) * tf32(b[k * 8 + j]);
        expected += term;
        magnitude += std::fabs(term);
      }
      expect(std::fabs(d[i * 8 + j] - expected) <= magnitude * 8 * 0x1p-24, "tf32 product");
    }
  expect(tf32(1 + 0x1p-11) == 1 + 0x1p-10 && std::bit_cast<float>(toTf32(1 + 0x1p-11f)) == 1 + 0x1p-10f, "tie");
  expect(std::isinf(std::bit_cast<float>(toTf32(INFINITY))) && std::isnan(std::bit_cast<float>(toTf32(NAN))),
         "tf32 keeps infinity and NaN");
}

void testBuffers(Device& device, const Stream& stream) {
  const size_t before = deviceMemoryInUse(device);
  {
    const DeviceBuffer buffer(stream, 5000);
    expect(deviceMemoryInUse(device) >= before + 5000, "a buffer is accounted");
    expect(std::isnan(download<float>(stream, buffer)[1249]), "device memory starts as NaN");
  }
  expect(deviceMemoryInUse(device) == before, "and given back");
  expect(DeviceBuffer(stream, 0).data() == nullptr, "an empty buffer has no memory");
}

}  // namespace

int main() {
  // Every buffer its own allocation, so that guard zones lie right beside it.
  setenv("EZNAS_GPU_CACHE", "0", 1);
  for (const char* order : {"forward", "reverse"}) {
    setenv("EZNAS_SHIM_ORDER", order, 1);
    shim::reset();
    Device& device = Device::get(0);
    const Stream stream(device);
    testReduction(stream);
    testMissingBarrier(stream);
    testPrimitives(stream);
    testDetection(stream);
    testLimits(stream);
    testFailures(device, stream);
    testStreams(device, stream);
    testGraphs(stream);
    testAsyncCopies(stream);
    testProduct(stream);
    testBuffers(device, stream);
    expect(shim::damagedGuard().empty(), "no guard zone is damaged");
  }
  return test::finish("cuda_shim_test");
}
#endif
