#pragma once
#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

namespace eznas::cuda {

/// The blocks of device memory of one device, in use and kept. Streams are named by an address of theirs.
class MemoryStore {
 public:
  explicit MemoryStore(int device) : device_(device) {}
  /// A block that work of this stream may use at once. The device must be current.
  void* take(const void* stream, size_t bytes, size_t& capacity);
  /// Back for later work of the stream.
  void give(const void* stream, void* block, size_t capacity) noexcept;
  /// The stream's work is done: any may have its blocks.
  void forgetStream(const void* stream);
  size_t budget();
  size_t inUse();
  void trim();

 private:
  using Blocks = std::map<size_t, std::vector<void*>>;  // by size class
  void trimLocked();
  void* reuse(const void* stream, size_t capacity);

  const int device_;
  std::mutex mutex_;
  std::map<const void*, Blocks> kept_;  // nullptr: free for every stream
  size_t inUse_ = 0, keptBytes_ = 0;
};

MemoryStore& memoryStore(int device);

}  // namespace eznas::cuda
