#include "runtime.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "shim.h"

namespace eznas::shim {
namespace {

struct ErrorText {
  cudaError_t error;
  const char *name, *text;
};
constexpr ErrorText kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection", "invalid copy direction for memcpy"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice",
     "no kernel image is available for execution on the device"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources", "too many resources requested for launch"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotPermitted, "cudaErrorNotPermitted", "operation not permitted"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

thread_local cudaError_t lastError = cudaSuccess;

bool isSticky(cudaError_t error) { return error == cudaErrorIllegalAddress || error == cudaErrorLaunchFailure; }

size_t number(const char* name, size_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : static_cast<size_t>(std::strtoull(text, nullptr, 10));
}

}  // namespace

int& currentDevice() {
  static thread_local int device = 0;
  return device;
}

Runtime& Runtime::get() {
  static Runtime* const instance = new Runtime;
  return *instance;
}

Runtime::Runtime() { readEnvironment(); }

void Runtime::readEnvironment() {
  settings = {};
  settings.devices = static_cast<int>(number("EZNAS_SHIM_DEVICES", 1));
  settings.multiprocessors = static_cast<int>(number("EZNAS_SHIM_SMS", 8));
  settings.memory = number("EZNAS_SHIM_MEMORY", settings.memory);
  settings.threads =
      static_cast<int>(number("EZNAS_SHIM_THREADS", std::min(4u, std::max(1u, std::thread::hardware_concurrency()))));
  const char* order = std::getenv("EZNAS_SHIM_ORDER");
  settings.order = order != nullptr && std::string(order) == "reverse" ? Order::reverse : Order::forward;
  failures_.clear();
  std::istringstream text(std::getenv("EZNAS_SHIM_FAIL") == nullptr ? "" : std::getenv("EZNAS_SHIM_FAIL"));
  for (std::string item; std::getline(text, item, ',');) {
    std::istringstream parts(item);
    std::string call, nth, name;
    std::getline(parts, call, ':');
    std::getline(parts, nth, ':');
    std::getline(parts, name, ':');
    cudaError_t error = call == "cudaLaunchKernel"       ? cudaErrorLaunchFailure
                        : call.starts_with("cudaMemcpy") ? cudaErrorInvalidValue
                                                         : cudaErrorMemoryAllocation;
    for (const ErrorText& known : kErrors)
      if (name == known.name) error = known.error;
    failures_.push_back({call, std::max(1, std::atoi(nth.c_str())), error});
  }
  while (devices.size() < static_cast<size_t>(settings.devices)) devices.push_back(std::make_unique<Device>());
}

void Runtime::reset() {
  for (const auto& device : devices) device->sticky = cudaSuccess;
  for (const auto& [handle, stream] : streams) {
    stream->pending.clear();
    stream->done = stream->enqueued;
    stream->capture.reset();
  }
  explanation_.clear();
  lastError = cudaSuccess;
  launches = 0;
  readEnvironment();
}

cudaError_t Runtime::enter(const char* call) {
  for (Failure& failure : failures_)
    if (failure.left > 0 && failure.call == call && --failure.left == 0) {
      if (isSticky(failure.error) && settings.devices > 0)
        devices[static_cast<size_t>(currentDevice())]->sticky = failure.error;
      explanation_ = "injected";
      return leave(failure.error);
    }
  if (settings.devices == 0) return leave(cudaErrorNoDevice);
  return leave(devices[static_cast<size_t>(currentDevice())]->sticky);
}

cudaError_t Runtime::leave(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) lastError = error;
  return error;
}

cudaError_t Runtime::takeLast(bool forget) {
  const cudaError_t error = lastError;
  if (forget) lastError = cudaSuccess;
  return error;
}

std::shared_ptr<Stream> Runtime::find(cudaStream_t stream) {
  const auto found = streams.find(stream);
  if (found != streams.end()) return found->second;
  if (stream != nullptr) return nullptr;
  auto made = std::make_shared<Stream>();
  made->device = currentDevice();
  return streams.emplace(nullptr, made).first->second;
}

cudaError_t Runtime::enqueue(cudaStream_t handle, Operation operation) {
  const std::shared_ptr<Stream> stream = find(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (handle != nullptr && stream->device != currentDevice()) return cudaErrorInvalidResourceHandle;
  if (stream->capture) {
    stream->capture->operations.push_back(std::move(operation));
    return cudaSuccess;
  }
  stream->pending.push_back(std::move(operation));
  ++stream->enqueued;
  return cudaSuccess;
}

cudaError_t Runtime::run(Stream& stream, uint64_t position) {
  Device& device = *devices[static_cast<size_t>(stream.device)];
  while (stream.done < position && !stream.pending.empty()) {
    if (device.sticky != cudaSuccess) return device.sticky;
    const Operation operation = std::move(stream.pending.front());
    stream.pending.pop_front();
    ++stream.done;
    if (const cudaError_t error = operation(); error != cudaSuccess) device.sticky = error;
  }
  return device.sticky;
}

cudaError_t Runtime::drain(int device) {
  cudaError_t result = cudaSuccess;
  const auto all = streams;
  for (const auto& [handle, stream] : all)
    if (stream->device == device && !stream->capture)
      if (const cudaError_t error = run(*stream, stream->enqueued); error != cudaSuccess) result = error;
  return result;
}

const char* Runtime::describe(cudaError_t error) {
  const char* text = "unrecognized error code";
  for (const ErrorText& known : kErrors)
    if (known.error == error) text = known.text;
  if (!isSticky(error) || explanation_.empty()) return text;
  return texts_.insert(std::string(text) + ": " + explanation_).first->c_str();
}

void failCall(const std::string& call, int nth, cudaError_t error) {
  const std::lock_guard lock(Runtime::get().mutex);
  Runtime::get().failCall(call, nth, error);
}

void reset() {
  const std::lock_guard lock(Runtime::get().mutex);
  Runtime::get().reset();
}

std::string damagedGuard() {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  for (const auto& device : runtime.devices)
    if (std::string damage = device->memory.damage(); !damage.empty()) return damage;
  return "";
}

size_t allocatedBytes(int device) {
  const std::lock_guard lock(Runtime::get().mutex);
  return Runtime::get().devices[static_cast<size_t>(device)]->memory.bytes();
}

size_t allocationCount(int device) {
  const std::lock_guard lock(Runtime::get().mutex);
  return Runtime::get().devices[static_cast<size_t>(device)]->memory.count();
}

size_t launches() {
  const std::lock_guard lock(Runtime::get().mutex);
  return Runtime::get().launches;
}

}  // namespace eznas::shim

using eznas::shim::Runtime;

cudaError_t cudaGetLastError() { return Runtime::get().takeLast(true); }
cudaError_t cudaPeekAtLastError() { return Runtime::get().takeLast(false); }
const char* cudaGetErrorName(cudaError_t error) {
  for (const auto& known : eznas::shim::kErrors)
    if (known.error == error) return known.name;
  return "unrecognized error code";
}
const char* cudaGetErrorString(cudaError_t error) {
  const std::lock_guard lock(Runtime::get().mutex);
  return Runtime::get().describe(error);
}
