#pragma once
// The pretend driver: devices, memory, streams of closures that wait to be run, and errors. One lock guards it all,
// also while device code runs.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "block.h"
#include "cuda_runtime_api.h"
#include "memory_map.h"

namespace eznas::shim {

/// Work of a stream; gives what went wrong.
using Operation = std::function<cudaError_t()>;

struct GraphOperations {
  std::vector<Operation> operations;
};

struct Stream {
  int device = 0;
  std::deque<Operation> pending;
  uint64_t enqueued = 0, done = 0;
  std::shared_ptr<GraphOperations> capture;  // while capturing
  bool captureOrigin = false;
};

struct Event {
  std::shared_ptr<Stream> stream;  // where it was last recorded
  uint64_t position = 0;           // done when the stream has done so many
  std::chrono::steady_clock::time_point at{};
  std::shared_ptr<GraphOperations> capture;
};

struct Device {
  MemoryMap memory;
  cudaError_t sticky = cudaSuccess;
};

struct Settings {
  int devices = 1;
  int multiprocessors = 8;
  size_t memory = size_t{4} << 30;
  int threads = 2;
  Order order = Order::forward;
};

struct Failure {
  std::string call;
  int left;
  cudaError_t error;
};

class Runtime {
 public:
  static Runtime& get();

  std::recursive_mutex mutex;
  Settings settings;
  std::vector<std::unique_ptr<Device>> devices;
  std::map<CUstream_st*, std::shared_ptr<Stream>> streams;
  std::map<const void*, size_t> dynamicSharedLimit;
  std::map<void*, size_t> pinnedBytes;
  size_t launches = 0;

  void reset();
  void failCall(const std::string& call, int nth, cudaError_t error) { failures_.push_back({call, nth, error}); }
  /// What a call is to give before it does anything: an injected failure, or its device's sticky error.
  cudaError_t enter(const char* call);
  /// Notes a failure as this thread's last error.
  cudaError_t leave(cudaError_t error);
  cudaError_t takeLast(bool forget);

  std::shared_ptr<Stream> find(cudaStream_t stream);
  cudaError_t enqueue(cudaStream_t stream, Operation operation);
  /// Runs a stream's operations up to this position.
  cudaError_t run(Stream& stream, uint64_t position);
  cudaError_t drain(int device);
  /// Text of an error with what is known of its cause.
  const char* describe(cudaError_t error);
  void explain(const std::string& text) { explanation_ = text; }

 private:
  Runtime();
  void readEnvironment();
  std::vector<Failure> failures_;
  std::string explanation_;
  std::set<std::string> texts_;  // given out by describe
};

/// Device of the calling thread.
int& currentDevice();

/// Runs a grid's blocks on the worker threads. Returns "" or what went wrong.
std::string runGrid(const Grid& grid, int threads);

/// A function's name, demangled, as the symbol table of its file has it.
std::string functionName(const void* function);

}  // namespace eznas::shim
