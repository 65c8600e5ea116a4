// Streams, events and buffers of native/cuda/device.h, on the shim and on a GPU.
#include <cstdio>
#include <thread>
#include <vector>

#include "native/cuda/device.h"
#include "test/native/expect.h"

namespace {

using namespace eznas;
using namespace eznas::cuda;
using eznas::test::expect;
using eznas::test::expectError;

void testReuse(Device& device) {
  const Stream stream(device), other(device);
  const size_t before = deviceMemoryInUse(device);
  void* address = nullptr;
  {
    const DeviceBuffer buffer(stream, 5000);
    address = buffer.data();
    expect(reinterpret_cast<uintptr_t>(address) % 256 == 0, "buffers are aligned");
    expect(deviceMemoryInUse(device) >= before + 5000, "a buffer is accounted");
  }
  expect(deviceMemoryInUse(device) == before, "and given back");
  expect(DeviceBuffer(other, 5000).data() != address, "another stream gets another block");
  expect(DeviceBuffer(stream, 5000).data() == address, "the same stream gets its block again");

  void* orphan = nullptr;
  {
    const Stream brief(device);
    orphan = DeviceBuffer(brief, 777000).data();
  }
  expect(DeviceBuffer(other, 777000).data() == orphan, "blocks of a stream that is gone are anybody's");

  DeviceBuffer kept;
  {
    const Stream brief(device);
    kept = DeviceBuffer(brief, 100);
  }
  const std::vector<char> zeros(100, 0);
  stream.copyToDevice(kept.data(), zeros.data(), 100);
  stream.synchronize();
  DeviceBuffer moved = std::move(kept);
  expect(kept.data() == nullptr && kept.bytes() == 0 && moved.bytes() == 100, "buffers move");  // NOLINT
  moved = DeviceBuffer();
  expect(deviceMemoryInUse(device) == before, "a buffer may outlive its stream");
}

void testLimits(Device& device) {
  const Stream stream(device);
  const size_t budget = deviceMemoryBudget(device);
  expect(budget > 0 && budget < device.properties().memory, "the budget is a part of the memory");
  expectError(
      code::kOutOfMemory, [&] { DeviceBuffer(stream, device.properties().memory * 2); }, "bytes are in use");
  expectError(
      code::kOutOfMemory, [&] { DeviceBuffer(stream, SIZE_MAX); }, "no device has as many");
  const DeviceBuffer small(stream, 4096);
  expect(small.data() != nullptr, "a refusal leaves the device usable");
  expectError(
      code::kNoDevice, [] { Device::get(1000); }, "cuda:1000");
  expectError(
      code::kNoDevice, [] { Device::get(-1); }, "cuda:-1");
}

void testCopies(Device& device) {
  const Stream first(device), second(device);
  const size_t count = 1 << 16;
  const PinnedBuffer pinned(count * sizeof(int));
  std::vector<int> numbers(count);
  for (size_t i = 0; i < count; ++i) numbers[i] = static_cast<int>(i * 7);
  const DeviceBuffer a(first, pinned.bytes()), b(second, pinned.bytes());
  first.copyToDevice(a.data(), numbers.data(), a.bytes());
  Event copied(device, true), arrived(device, true);
  copied.record(first);
  numbers.assign(count, 0);
  copied.holdBack(second);
  second.copyOnDevice(b.data(), a.data(), b.bytes());
  second.fill(b.data(), 0, sizeof(int));
  second.copyToHost(pinned.data(), b.data(), b.bytes());
  arrived.record(second);
  arrived.synchronize();
  expect(arrived.done() && arrived.millisecondsSince(copied) >= 0, "events");
  bool right = pinned.as<int>()[0] == 0;
  for (size_t i = 1; i < count; ++i) right = right && pinned.as<int>()[i] == static_cast<int>(i * 7);
  expect(right, "copies through two streams");
}

void testThreads(Device& device) {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const Stream stream(device);
      for (int round = 0; round < 50; ++round) {
        const DeviceBuffer buffer(stream, static_cast<size_t>(1000 + 100 * round));
        std::vector<unsigned char> host(buffer.bytes());
        stream.fill(buffer.data(), t + 1, buffer.bytes());
        stream.copyToHost(host.data(), buffer.data(), host.size());
        stream.synchronize();
        for (const unsigned char byte : host) wrong[static_cast<size_t>(t)] += byte == t + 1 ? 0 : 1;
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const int count : wrong) expect(count == 0, "threads do not disturb one another");
}

}  // namespace

int main() {
  const Inventory there = inventory();
  if (there.devices.empty()) {
    std::printf("cuda_device_test: %s\n", there.error.c_str());
    return 1;
  }
  Device& device = Device::get(0);
  expect(&device == &Device::get(0), "a device is one object");
  testReuse(device);
  testLimits(device);
  testCopies(device);
  testThreads(device);
  return test::finish("cuda_device_test");
}
