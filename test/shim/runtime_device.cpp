// Devices, memory and copies of the pretend runtime.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "device_limits.h"
#include "runtime.h"
#include "shim.h"

using eznas::shim::currentDevice;
using eznas::shim::Device;
using eznas::shim::Runtime;

namespace {

Device& device() { return *Runtime::get().devices[static_cast<size_t>(currentDevice())]; }

bool exists(int index) { return index >= 0 && index < Runtime::get().settings.devices; }

/// Whether the addresses of a copy are what its kind says.
cudaError_t validateCopy(const void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const auto onDevice = [&](const void* at) {
    for (const auto& each : Runtime::get().devices)
      if (each->memory.holds(at, bytes)) return true;
    return false;
  };
  const bool toDevice = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool fromDevice = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind == cudaMemcpyDefault || kind == cudaMemcpyHostToHost) return cudaErrorNotSupported;
  if (bytes == 0) return cudaSuccess;
  return onDevice(to) == toDevice && onDevice(from) == fromDevice ? cudaSuccess : cudaErrorInvalidValue;
}

bool isPinned(const void* at, size_t bytes) {
  const auto& blocks = Runtime::get().pinnedBytes;
  auto found = blocks.upper_bound(const_cast<void*>(at));
  if (found == blocks.begin()) return false;
  --found;
  return static_cast<const char*>(at) + bytes <= static_cast<const char*>(found->first) + found->second;
}

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  const std::lock_guard lock(Runtime::get().mutex);
  *count = 0;
  if (const cudaError_t error = Runtime::get().enter("cudaGetDeviceCount"); error != cudaSuccess) return error;
  *count = Runtime::get().settings.devices;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int index) {
  const std::lock_guard lock(Runtime::get().mutex);
  if (!exists(index))
    return Runtime::get().leave(Runtime::get().settings.devices == 0 ? cudaErrorNoDevice : cudaErrorInvalidDevice);
  currentDevice() = index;
  return Runtime::get().enter("cudaSetDevice");
}

cudaError_t cudaGetDevice(int* index) {
  *index = currentDevice();
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index) {
  const std::lock_guard lock(Runtime::get().mutex);
  if (!exists(index)) return Runtime::get().leave(cudaErrorInvalidDevice);
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "host shim");
  properties->totalGlobalMem = Runtime::get().settings.memory;
  properties->sharedMemPerBlock = eznas::shim::kDefaultDynamicShared;
  properties->sharedMemPerBlockOptin = eznas::shim::kMaxDynamicShared;
  properties->sharedMemPerMultiprocessor = eznas::shim::kSharedPerMultiprocessor;
  properties->reservedSharedMemPerBlock = eznas::shim::kReservedSharedPerBlock;
  properties->regsPerBlock = properties->regsPerMultiprocessor = 65536;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = eznas::shim::kMaxThreadsPerBlock;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->maxBlocksPerMultiProcessor = 32;
  properties->maxThreadsDim[0] = properties->maxThreadsDim[1] = 1024;
  properties->maxThreadsDim[2] = 64;
  properties->maxGridSize[0] = 0x7fffffff;
  properties->maxGridSize[1] = properties->maxGridSize[2] = 65535;
  properties->major = 9;
  properties->multiProcessorCount = Runtime::get().settings.multiprocessors;
  properties->l2CacheSize = 50 << 20;
  properties->memoryBusWidth = 5120;
  properties->asyncEngineCount = 1;
  properties->concurrentKernels = 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int index) {
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, index); error != cudaSuccess) return error;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = properties.maxThreadsPerBlock;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = static_cast<int>(properties.sharedMemPerBlock);
      break;
    case cudaDevAttrWarpSize:
      *value = properties.warpSize;
      break;
    case cudaDevAttrClockRate:
    case cudaDevAttrMemoryClockRate:
      *value = 1000000;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = properties.multiProcessorCount;
      break;
    case cudaDevAttrGlobalMemoryBusWidth:
      *value = properties.memoryBusWidth;
      break;
    case cudaDevAttrL2CacheSize:
      *value = properties.l2CacheSize;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = properties.maxThreadsPerMultiProcessor;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = properties.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = properties.minor;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = static_cast<int>(properties.sharedMemPerMultiprocessor);
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(properties.sharedMemPerBlockOptin);
      break;
    case cudaDevAttrReservedSharedMemoryPerBlock:
      *value = static_cast<int>(properties.reservedSharedMemPerBlock);
      break;
    default:
      return Runtime::get().leave(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (const cudaError_t error = runtime.enter("cudaDeviceSynchronize"); error != cudaSuccess) return error;
  return runtime.leave(runtime.drain(currentDevice()));
}

cudaError_t cudaDeviceReset() {
  const std::lock_guard lock(Runtime::get().mutex);
  Runtime::get().reset();
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const std::lock_guard lock(Runtime::get().mutex);
  if (const cudaError_t error = Runtime::get().enter("cudaMemGetInfo"); error != cudaSuccess) return error;
  *total = Runtime::get().settings.memory;
  *free = *total - std::min(*total, device().memory.bytes());
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  const std::lock_guard lock(Runtime::get().mutex);
  *pointer = nullptr;
  if (const cudaError_t error = Runtime::get().enter("cudaMalloc"); error != cudaSuccess) return error;
  if (bytes == 0) return cudaSuccess;
  const size_t total = Runtime::get().settings.memory;
  if (bytes > total || device().memory.bytes() > total - bytes) return Runtime::get().leave(cudaErrorMemoryAllocation);
  *pointer = device().memory.allocate(bytes);
  return Runtime::get().leave(*pointer == nullptr ? cudaErrorMemoryAllocation : cudaSuccess);
}

cudaError_t cudaFree(void* pointer) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (pointer == nullptr) return cudaSuccess;
  for (int i = 0; i < static_cast<int>(runtime.devices.size()); ++i)
    if (runtime.devices[static_cast<size_t>(i)]->memory.holds(pointer, 0)) {
      // It waits for all work of the device, as the real one does.
      const cudaError_t error = runtime.drain(i);
      if (runtime.devices[static_cast<size_t>(i)]->memory.free(pointer)) return runtime.leave(error);
    }
  return runtime.leave(cudaErrorInvalidValue);
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  *pointer = nullptr;
  if (const cudaError_t error = runtime.enter("cudaMallocHost"); error != cudaSuccess) return error;
  if (bytes == 0) return cudaSuccess;
  *pointer = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (*pointer == nullptr) return runtime.leave(cudaErrorMemoryAllocation);
  std::memset(*pointer, eznas::shim::kPoison, bytes);
  runtime.pinnedBytes[*pointer] = bytes;
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* pointer) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (pointer == nullptr) return cudaSuccess;
  if (runtime.pinnedBytes.erase(pointer) == 0) return runtime.leave(cudaErrorInvalidValue);
  cudaError_t error = cudaSuccess;
  for (int i = 0; i < static_cast<int>(runtime.devices.size()); ++i)
    if (const cudaError_t found = runtime.drain(i); found != cudaSuccess) error = found;
  std::free(pointer);
  return runtime.leave(error);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t handle) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (const cudaError_t error = runtime.enter("cudaMemcpyAsync"); error != cudaSuccess) return error;
  const auto stream = runtime.find(handle);
  if (!stream) return runtime.leave(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = validateCopy(to, from, bytes, kind); error != cudaSuccess) return runtime.leave(error);
  // Memory that is not pinned is staged: it may change once the call has returned. Graphs read it when they run.
  if (kind == cudaMemcpyHostToDevice && !stream->capture && !isPinned(from, bytes)) {
    const auto* begin = static_cast<const char*>(from);
    return runtime.leave(runtime.enqueue(handle, [to, staged = std::vector<char>(begin, begin + bytes)] {
      std::memcpy(to, staged.data(), staged.size());
      return cudaSuccess;
    }));
  }
  const cudaError_t error = runtime.enqueue(handle, [=] {
    std::memcpy(to, from, bytes);
    return cudaSuccess;
  });
  if (error != cudaSuccess) return runtime.leave(error);
  if (kind == cudaMemcpyDeviceToHost && !stream->capture && !isPinned(to, bytes))
    return runtime.leave(runtime.run(*stream, stream->enqueued));
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const std::lock_guard lock(Runtime::get().mutex);
  if (const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr); error != cudaSuccess) return error;
  return cudaStreamSynchronize(nullptr);
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (const cudaError_t error = runtime.enter("cudaMemsetAsync"); error != cudaSuccess) return error;
  if (bytes > 0 && !device().memory.holds(to, bytes)) return runtime.leave(cudaErrorInvalidValue);
  return runtime.leave(runtime.enqueue(stream, [=] {
    std::memset(to, value, bytes);
    return cudaSuccess;
  }));
}
