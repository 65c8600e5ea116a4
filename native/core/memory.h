#pragma once
#include <cstddef>
#include <memory>

namespace eznas {

/// 64-byte aligned, zero-initialised-on-request float storage, charged against the process-wide budget. Freed blocks
/// are kept for reuse by the next buffer of the same size class: page faults cost more than the arithmetic.
class Buffer {
 public:
  Buffer() = default;
  /// Throws Error(OUT_OF_MEMORY) naming the bytes asked for and the budget left.
  explicit Buffer(size_t floats);
  Buffer(Buffer&&) noexcept;
  Buffer& operator=(Buffer&&) noexcept;
  ~Buffer();
  float* data() const { return data_; }
  size_t size() const { return floats_; }

 private:
  float* data_ = nullptr;
  size_t floats_ = 0, capacity_ = 0;
};

/// Bytes all buffers may hold together; 0 means no limit but the machine's. Set from EZNAS_MEMORY_LIMIT (bytes) at
/// load.
void setMemoryLimit(size_t bytes);
size_t memoryLimit();
size_t memoryInUse();
/// Gives kept blocks back to the system.
void trimMemory();

}  // namespace eznas
