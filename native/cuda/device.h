#pragma once
// Devices, streams, events and memory, owned and checked. Everything throws the errors of check.h.
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "native/cuda/check.h"

namespace eznas::cuda {

struct DeviceProperties {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  int threadsPerMultiprocessor = 0;
  size_t memory = 0;                   // bytes, all of it
  size_t sharedPerBlock = 0;           // bytes that a block can opt in to
  size_t sharedPerMultiprocessor = 0;  // bytes
  size_t l2Bytes = 0;
};

/// A GPU of this process, used from any thread.
class Device {
 public:
  /// The device, the same object each time. Throws NO_DEVICE saying why where it is not there or cannot be used.
  static Device& get(int index);
  int index() const { return index_; }
  const DeviceProperties& properties() const { return properties_; }
  /// Makes it the calling thread's current device, as launches and most calls need.
  void use() const { EZNAS_CUDA(cudaSetDevice(index_)); }

 private:
  explicit Device(int index);
  int index_;
  DeviceProperties properties_;
};

/// What is there to use.
struct Inventory {
  int driver = 0, runtime = 0;  // CUDA versions, 13000 for 13.0; driver 0: none
  std::vector<DeviceProperties> devices;
  std::string error;  // why there is none, for people; "" where there are devices
};
Inventory inventory();

/// Least compute capability that the backend has code for.
inline constexpr int kLeastMajor = 8;

/// Indices of the devices that can be used, at least one. Throws NO_DEVICE saying why where there are none.
std::vector<int> usableDevices();

/// A stream of its own, in no order with the default stream. Using it from several threads at once is not allowed.
class Stream {
 public:
  explicit Stream(Device& device);
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&&) noexcept = default;
  ~Stream() = default;
  Device& device() const { return *device_; }
  cudaStream_t get() const;
  /// Waits for its work; errors of kernels appear here.
  void synchronize() const { EZNAS_CUDA(cudaStreamSynchronize(get())); }

  void copyToDevice(void* to, const void* from, size_t bytes) const;
  void copyToHost(void* to, const void* from, size_t bytes) const;
  void copyOnDevice(void* to, const void* from, size_t bytes) const;
  void fill(void* to, int byte, size_t bytes) const;

  struct State;

 private:
  friend class DeviceBuffer;
  Device* device_;
  std::shared_ptr<State> state_;
};

class Event {
 public:
  /// Timed events can be compared by millisecondsSince.
  explicit Event(Device& device, bool timed = false);
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }
  ~Event();
  void record(const Stream& stream) { EZNAS_CUDA(cudaEventRecord(event_, stream.get())); }
  void synchronize() const { EZNAS_CUDA(cudaEventSynchronize(event_)); }
  /// Whether all work before the record is done.
  bool done() const;
  /// Lets later work of the stream wait for it.
  void holdBack(const Stream& stream) const { EZNAS_CUDA(cudaStreamWaitEvent(stream.get(), event_, 0)); }
  float millisecondsSince(const Event& start) const;

 private:
  cudaEvent_t event_ = nullptr;
};

/// Uninitialised device memory, 256-byte aligned, in the order of one stream: it may be let go while that stream still
/// has work that uses it, and is then reused by later work of the same stream at once, by other streams only after
/// that work is done. Other streams may use it between events that order them. Blocks are kept for reuse, in size
/// classes; EZNAS_GPU_CACHE=0 gives each buffer an allocation of just its size (for memory checkers).
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  /// Throws OUT_OF_MEMORY naming the bytes asked for, those in use and the limit; kept blocks are given back before.
  DeviceBuffer(const Stream& stream, size_t bytes);
  DeviceBuffer(DeviceBuffer&& other) noexcept { swap(other); }
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    DeviceBuffer(std::move(other)).swap(*this);
    return *this;
  }
  ~DeviceBuffer();
  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  size_t bytes() const { return bytes_; }

 private:
  void swap(DeviceBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(capacity_, other.capacity_);
    std::swap(stream_, other.stream_);
  }
  void* data_ = nullptr;
  size_t bytes_ = 0, capacity_ = 0;
  std::shared_ptr<Stream::State> stream_;
};

/// Page-locked host memory, which copies to and from the device need to be asynchronous. Free it only after the copies.
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  explicit PinnedBuffer(size_t bytes);
  PinnedBuffer(PinnedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~PinnedBuffer();
  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

/// Bytes that new buffers of this process may take on the device now: what is free or kept for reuse, less a reserve
/// for what CUDA itself allocates, and not more than EZNAS_GPU_MEMORY_LIMIT (bytes, all buffers together) leaves.
size_t deviceMemoryBudget(const Device& device);
/// Bytes that buffers hold on the device.
size_t deviceMemoryInUse(const Device& device);
/// Gives kept blocks back to the device.
void trimDeviceMemory(const Device& device);

}  // namespace eznas::cuda
