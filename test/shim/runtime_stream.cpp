// Streams, events, graphs and launches of the pretend runtime.
#include <algorithm>

#include "device_limits.h"
#include "runtime.h"
#include "shim.h"

using eznas::shim::currentDevice;
using eznas::shim::Event;
using eznas::shim::GraphOperations;
using eznas::shim::Runtime;
using eznas::shim::Stream;

struct CUstream_st {};
struct CUevent_st {
  Event event;
};
struct CUgraph_st {
  std::shared_ptr<GraphOperations> operations;
};
struct CUgraphExec_st {
  std::shared_ptr<GraphOperations> operations;
};

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (const cudaError_t error = runtime.enter("cudaStreamCreateWithFlags"); error != cudaSuccess) return error;
  *stream = new CUstream_st;
  auto made = std::make_shared<Stream>();
  made->device = currentDevice();
  runtime.streams.emplace(*stream, made);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  const auto stream = runtime.find(handle);
  if (!stream || handle == nullptr) return runtime.leave(cudaErrorInvalidResourceHandle);
  const cudaError_t error = runtime.run(*stream, stream->enqueued);
  runtime.streams.erase(handle);
  delete handle;
  return runtime.leave(error);
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (const cudaError_t error = runtime.enter("cudaStreamSynchronize"); error != cudaSuccess) return error;
  const auto stream = runtime.find(handle);
  if (!stream) return runtime.leave(cudaErrorInvalidResourceHandle);
  if (stream->capture) return runtime.leave(cudaErrorStreamCaptureUnsupported);
  return runtime.leave(runtime.run(*stream, stream->enqueued));
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  const auto stream = runtime.find(handle);
  if (!stream) return runtime.leave(cudaErrorInvalidResourceHandle);
  if (stream->pending.empty()) return cudaSuccess;
  const cudaError_t error = runtime.run(*stream, stream->done + 1);
  return runtime.leave(error == cudaSuccess && !stream->pending.empty() ? cudaErrorNotReady : error);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t given, unsigned) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (const cudaError_t error = runtime.enter("cudaStreamWaitEvent"); error != cudaSuccess) return error;
  const auto stream = runtime.find(handle);
  if (!stream || given == nullptr) return runtime.leave(cudaErrorInvalidResourceHandle);
  const Event& event = given->event;
  if (event.capture) {
    // A stream that waits for a captured event is captured too. Operations are kept in the order of the calls.
    stream->capture = event.capture;
    return cudaSuccess;
  }
  if (!event.stream) return cudaSuccess;
  return runtime.leave(runtime.enqueue(
      handle, [source = event.stream, position = event.position] { return Runtime::get().run(*source, position); }));
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  const std::lock_guard lock(Runtime::get().mutex);
  if (const cudaError_t error = Runtime::get().enter("cudaEventCreateWithFlags"); error != cudaSuccess) return error;
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (event == nullptr) return runtime.leave(cudaErrorInvalidResourceHandle);
  // Operations that stamp it may still wait.
  if (event->event.stream) runtime.run(*event->event.stream, event->event.position);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (const cudaError_t error = runtime.enter("cudaEventRecord"); error != cudaSuccess) return error;
  const auto stream = runtime.find(handle);
  if (!stream || event == nullptr) return runtime.leave(cudaErrorInvalidResourceHandle);
  event->event.capture = stream->capture;
  if (stream->capture) return cudaSuccess;
  const cudaError_t error = runtime.enqueue(handle, [event] {
    event->event.at = std::chrono::steady_clock::now();
    return cudaSuccess;
  });
  event->event.stream = stream;
  event->event.position = stream->enqueued;
  return runtime.leave(error);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (const cudaError_t error = runtime.enter("cudaEventSynchronize"); error != cudaSuccess) return error;
  if (event == nullptr) return runtime.leave(cudaErrorInvalidResourceHandle);
  if (!event->event.stream) return cudaSuccess;
  return runtime.leave(runtime.run(*event->event.stream, event->event.position));
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (event == nullptr) return runtime.leave(cudaErrorInvalidResourceHandle);
  const auto& stream = event->event.stream;
  if (!stream || stream->done >= event->event.position) return cudaSuccess;
  const cudaError_t error = runtime.run(*stream, stream->done + 1);
  return runtime.leave(error == cudaSuccess ? cudaErrorNotReady : error);
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  const std::lock_guard lock(Runtime::get().mutex);
  for (const cudaEvent_t event : {start, end}) {
    if (event == nullptr || !event->event.stream) return Runtime::get().leave(cudaErrorInvalidResourceHandle);
    if (event->event.stream->done < event->event.position) return cudaErrorNotReady;
  }
  *milliseconds = std::chrono::duration<float, std::milli>(end->event.at - start->event.at).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (const cudaError_t error = runtime.enter("cudaStreamBeginCapture"); error != cudaSuccess) return error;
  const auto stream = runtime.find(handle);
  if (!stream || handle == nullptr) return runtime.leave(cudaErrorInvalidResourceHandle);
  if (stream->capture) return runtime.leave(cudaErrorStreamCaptureUnsupported);
  stream->capture = std::make_shared<GraphOperations>();
  stream->captureOrigin = true;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  *graph = nullptr;
  const auto stream = runtime.find(handle);
  if (!stream || !stream->capture || !stream->captureOrigin) return runtime.leave(cudaErrorInvalidValue);
  const auto operations = stream->capture;
  for (const auto& [other, each] : runtime.streams)
    if (each->capture == operations) each->capture.reset();
  stream->captureOrigin = false;
  if (const cudaError_t error = runtime.enter("cudaStreamEndCapture"); error != cudaSuccess) return error;
  *graph = new CUgraph_st{operations};
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  const std::lock_guard lock(Runtime::get().mutex);
  const auto stream = Runtime::get().find(handle);
  if (!stream) return Runtime::get().leave(cudaErrorInvalidResourceHandle);
  *status = stream->capture ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  const std::lock_guard lock(Runtime::get().mutex);
  if (const cudaError_t error = Runtime::get().enter("cudaGraphInstantiate"); error != cudaSuccess) return error;
  if (graph == nullptr) return Runtime::get().leave(cudaErrorInvalidValue);
  *exec = new CUgraphExec_st{graph->operations};
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (const cudaError_t error = runtime.enter("cudaGraphLaunch"); error != cudaSuccess) return error;
  if (exec == nullptr) return runtime.leave(cudaErrorInvalidValue);
  return runtime.leave(runtime.enqueue(stream, [operations = exec->operations] {
    for (const auto& operation : operations->operations)
      if (const cudaError_t error = operation(); error != cudaSuccess) return error;
    return cudaSuccess;
  }));
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}

namespace eznas::shim {

cudaError_t enqueueLaunch(const void* kernel, dim3 grid, dim3 block, size_t dynamicShared, cudaStream_t stream,
                          Invocation invocation) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (const cudaError_t error = runtime.enter("cudaLaunchKernel"); error != cudaSuccess) return error;
  const auto threads = size_t{block.x} * block.y * block.z;
  if (threads == 0 || block.x > 1024 || block.y > 1024 || block.z > 64 || grid.x == 0 || grid.y == 0 || grid.z == 0 ||
      grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535 || threads > kMaxThreadsPerBlock)
    return runtime.leave(cudaErrorInvalidConfiguration);
  const auto limit = runtime.dynamicSharedLimit.find(kernel);
  if (dynamicShared > (limit == runtime.dynamicSharedLimit.end() ? kDefaultDynamicShared : limit->second))
    return runtime.leave(cudaErrorInvalidValue);
  return runtime.leave(runtime.enqueue(stream, [=, device = currentDevice()] {
    Runtime& r = Runtime::get();
    ++r.launches;
    const Grid launched{kernel, grid, block, dynamicShared, invocation.get(), r.settings.order};
    const std::string failure = runGrid(launched, r.settings.threads);
    const auto damage = [&] { return r.devices[static_cast<size_t>(device)]->memory.damage(); };
    const std::string found = failure.empty() ? damage() : failure;
    if (found.empty()) return cudaSuccess;
    r.explain("kernel " + functionName(kernel) + ", " + found);
    return failure.empty() || found.find("address") != std::string::npos ? cudaErrorIllegalAddress
                                                                         : cudaErrorLaunchFailure;
  }));
}

}  // namespace eznas::shim

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  if (const cudaError_t error = runtime.enter("cudaFuncSetAttribute"); error != cudaSuccess) return error;
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || static_cast<size_t>(value) > eznas::shim::kMaxDynamicShared)
    return runtime.leave(cudaErrorInvalidValue);
  runtime.dynamicSharedLimit[kernel] = static_cast<size_t>(value);
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  *attributes = {};
  attributes->maxThreadsPerBlock = eznas::shim::kMaxThreadsPerBlock;
  attributes->numRegs = 64;
  attributes->ptxVersion = attributes->binaryVersion = 90;
  const auto limit = runtime.dynamicSharedLimit.find(kernel);
  attributes->maxDynamicSharedSizeBytes =
      static_cast<int>(limit == runtime.dynamicSharedLimit.end() ? eznas::shim::kDefaultDynamicShared : limit->second);
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int blockSize,
                                                          size_t dynamicShared) {
  if (blockSize < 1 || blockSize > eznas::shim::kMaxThreadsPerBlock) return Runtime::get().leave(cudaErrorInvalidValue);
  const size_t byShared =
      eznas::shim::kSharedPerMultiprocessor / (dynamicShared + eznas::shim::kReservedSharedPerBlock);
  *blocks = static_cast<int>(std::min<size_t>({32, static_cast<size_t>(2048 / blockSize), byShared}));
  return cudaSuccess;
}

cudaError_t cudaFuncGetName(const char** name, const void* kernel) {
  static std::map<const void*, std::string>* const names = new std::map<const void*, std::string>;
  const std::lock_guard lock(Runtime::get().mutex);
  const auto [found, isNew] = names->try_emplace(kernel);
  if (isNew) found->second = eznas::shim::functionName(kernel);
  *name = found->second.c_str();
  return cudaSuccess;
}
