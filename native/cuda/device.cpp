#include "native/cuda/device.h"

#include <map>
#include <mutex>

#include "native/core/error.h"
#include "native/cuda/memory_store.h"

namespace eznas::cuda {

Device::Device(int index) : index_(index) {
  cudaDeviceProp found;
  EZNAS_CUDA(cudaGetDeviceProperties(&found, index));
  properties_ = {found.name,
                 found.major,
                 found.minor,
                 found.multiProcessorCount,
                 found.maxThreadsPerMultiProcessor,
                 found.totalGlobalMem,
                 found.sharedMemPerBlockOptin,
                 found.sharedMemPerMultiprocessor,
                 static_cast<size_t>(found.l2CacheSize)};
}

Device& Device::get(int index) {
  static std::mutex mutex;
  static auto* const devices = new std::map<int, Device>;
  const std::lock_guard lock(mutex);
  const auto found = devices->find(index);
  if (found != devices->end()) return found->second;
  const Inventory there = inventory();
  if (there.devices.empty()) throw Error(code::kNoDevice, there.error);
  if (index < 0 || static_cast<size_t>(index) >= there.devices.size()) {
    throw Error(code::kNoDevice, "there is no device cuda:" + std::to_string(index) + "; this machine has " +
                                     std::to_string(there.devices.size()) + ", counted from 0");
  }
  return devices->emplace(index, Device(index)).first->second;
}

Inventory inventory() {
  Inventory result;
  // Both work without a driver; the driver's version is then 0.
  if (cudaDriverGetVersion(&result.driver) != cudaSuccess) result.driver = 0;
  if (cudaRuntimeGetVersion(&result.runtime) != cudaSuccess) result.runtime = 0;
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  cudaGetLastError();
  const auto version = [](int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); };
  if (result.driver == 0) {
    result.error = "no NVIDIA driver is installed, or this process cannot see it";
  } else if (error == cudaErrorInsufficientDriver || result.driver / 1000 < result.runtime / 1000) {
    result.error = "the NVIDIA driver supports CUDA " + version(result.driver) + ", eznas needs CUDA " +
                   version(result.runtime) + ": install driver r580 or newer";
  } else if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0)) {
    result.error = "the NVIDIA driver sees no GPU (is CUDA_VISIBLE_DEVICES set?)";
  } else if (error != cudaSuccess) {
    result.error = std::string("the NVIDIA driver does not start: ") + cudaGetErrorName(error) + " (" +
                   cudaGetErrorString(error) + ")";
  }
  if (!result.error.empty()) return result;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp found;
    EZNAS_CUDA(cudaGetDeviceProperties(&found, i));
    result.devices.push_back({found.name, found.major, found.minor, found.multiProcessorCount,
                              found.maxThreadsPerMultiProcessor, found.totalGlobalMem, found.sharedMemPerBlockOptin,
                              found.sharedMemPerMultiprocessor, static_cast<size_t>(found.l2CacheSize)});
  }
  return result;
}

std::vector<int> usableDevices() {
  const Inventory there = inventory();
  if (there.devices.empty()) throw Error(code::kNoDevice, there.error);
  std::vector<int> usable;
  for (size_t i = 0; i < there.devices.size(); ++i)
    if (there.devices[i].major >= kLeastMajor) usable.push_back(static_cast<int>(i));
  if (usable.empty()) {
    const DeviceProperties& first = there.devices[0];
    throw Error(code::kNoDevice, first.name + " has compute capability " + std::to_string(first.major) + "." +
                                     std::to_string(first.minor) + "; " + std::to_string(kLeastMajor) +
                                     ".0 (Ampere) or newer is needed");
  }
  return usable;
}

/// A stream, alive as long as buffers name it.
struct Stream::State {
  Device& device;
  cudaStream_t stream = nullptr;
  explicit State(Device& on) : device(on) {
    on.use();
    EZNAS_CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    cudaStreamSynchronize(stream);
    memoryStore(device.index()).forgetStream(this);
    cudaStreamDestroy(stream);
  }
};

Stream::Stream(Device& device) : device_(&device), state_(std::make_shared<State>(device)) {}

cudaStream_t Stream::get() const { return state_->stream; }

void Stream::copyToDevice(void* to, const void* from, size_t bytes) const {
  if (bytes > 0) EZNAS_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, get()));
}
void Stream::copyToHost(void* to, const void* from, size_t bytes) const {
  if (bytes > 0) EZNAS_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, get()));
}
void Stream::copyOnDevice(void* to, const void* from, size_t bytes) const {
  if (bytes > 0) EZNAS_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, get()));
}
void Stream::fill(void* to, int byte, size_t bytes) const {
  if (bytes > 0) EZNAS_CUDA(cudaMemsetAsync(to, byte, bytes, get()));
}

Event::Event(Device& device, bool timed) {
  device.use();
  EZNAS_CUDA(cudaEventCreateWithFlags(&event_, timed ? cudaEventDefault : cudaEventDisableTiming));
}

Event::~Event() {
  if (event_ != nullptr) cudaEventDestroy(event_);
}

bool Event::done() const {
  const cudaError_t status = cudaEventQuery(event_);
  if (status == cudaErrorNotReady) {
    cudaGetLastError();
    return false;
  }
  check(status, "cudaEventQuery");
  return true;
}

float Event::millisecondsSince(const Event& start) const {
  float milliseconds = 0;
  EZNAS_CUDA(cudaEventElapsedTime(&milliseconds, start.event_, event_));
  return milliseconds;
}

DeviceBuffer::DeviceBuffer(const Stream& stream, size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  stream.device().use();
  data_ = memoryStore(stream.device().index()).take(stream.state_.get(), bytes, capacity_);
  stream_ = stream.state_;
}

DeviceBuffer::~DeviceBuffer() {
  if (data_ != nullptr) memoryStore(stream_->device.index()).give(stream_.get(), data_, capacity_);
}

PinnedBuffer::PinnedBuffer(size_t bytes) : bytes_(bytes) {
  if (bytes > 0) EZNAS_CUDA(cudaMallocHost(&data_, bytes));
}

PinnedBuffer::~PinnedBuffer() {
  if (data_ != nullptr) cudaFreeHost(data_);
}

size_t deviceMemoryBudget(const Device& device) {
  device.use();
  return memoryStore(device.index()).budget();
}
size_t deviceMemoryInUse(const Device& device) { return memoryStore(device.index()).inUse(); }
void trimDeviceMemory(const Device& device) {
  device.use();
  memoryStore(device.index()).trim();
}

}  // namespace eznas::cuda
