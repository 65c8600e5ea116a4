#include "native/core/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <utility>

#include "native/core/error.h"

namespace eznas {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kSmallest = 4096;
/// Keeps the arithmetic on sizes below from overflowing.
constexpr size_t kMostFloats = SIZE_MAX / 16;

/// Bytes of the size class that holds `bytes`: four steps per power of two, so that at most a fifth is unused; blocks
/// of several huge pages are whole ones.
size_t sizeClass(size_t bytes) {
  if (bytes <= kSmallest) return kSmallest;
  const size_t step = std::max(kSmallest, std::bit_floor(bytes) / 4);
  const size_t rounded = (bytes + step - 1) / step * step;
  return rounded < kHugePage ? rounded : (rounded + kHugePage - 1) / kHugePage * kHugePage;
}

float* systemAllocate(size_t bytes) {
  if (bytes < kHugePage) return static_cast<float*>(std::aligned_alloc(64, bytes));
  // Over-reserve and give back both ends, so that the block starts on a huge page.
  const size_t reserve = bytes + kHugePage;
  void* raw = mmap(nullptr, reserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  char* start = static_cast<char*>(raw);
  const size_t head = (kHugePage - reinterpret_cast<uintptr_t>(start) % kHugePage) % kHugePage;
  if (head > 0) munmap(start, head);
  const size_t tail = reserve - head - bytes;
  if (tail > 0) munmap(start + head + bytes, tail);
  madvise(start + head, bytes, MADV_HUGEPAGE);
  return reinterpret_cast<float*>(start + head);
}

void systemFree(float* block, size_t bytes) {
  if (bytes < kHugePage)
    std::free(block);
  else
    munmap(block, bytes);
}

/// Read while the program loads: later another thread may be changing the environment.
const size_t initialLimit = [] {
  const char* text = std::getenv("EZNAS_MEMORY_LIMIT");
  return text == nullptr ? size_t{0} : static_cast<size_t>(std::strtoull(text, nullptr, 10));
}();

/// The process-wide store of blocks. Bytes in use and bytes kept for reuse together stay under the limit and never
/// exceed the most that was in use at once: networks of NAS-Bench-101 use up to 1 GB each and hardly any size twice, so
/// that whatever they gave back would pile up. Kept bytes also stay under a quarter of the machine's memory, so that a
/// peak does not hold the machine for ever.
class Store {
 public:
  float* take(size_t floats, size_t& capacity) {
    if (floats > kMostFloats) throw tooMuch(kMostFloats, "more than any machine has");
    capacity = sizeClass(floats * sizeof(float));
    const std::lock_guard lock(mutex_);
    if (float* block = takeKept(capacity)) {
      inUse_ += capacity;
      return block;
    }
    makeRoom(capacity);
    if (limit_ != 0 && inUse_ + capacity > limit_)
      throw tooMuch(floats, "of the limit of " + std::to_string(limit_) + " bytes " +
                                std::to_string(limit_ > inUse_ ? limit_ - inUse_ : 0) + " are left");
    float* block = systemAllocate(capacity);
    if (block == nullptr && keptBytes_ > 0) {
      trim();
      block = systemAllocate(capacity);
    }
    if (block == nullptr)
      throw tooMuch(floats, "the system gives no more; " + std::to_string(inUse_) + " bytes are in use");
    inUse_ += capacity;
    mostInUse_ = std::max(mostInUse_, inUse_);
    return block;
  }

  void give(float* block, size_t capacity) noexcept {
    const std::lock_guard lock(mutex_);
    inUse_ -= capacity;
    const bool fits = keptBytes_ + capacity <= keepable_ && (limit_ == 0 || inUse_ + keptBytes_ + capacity <= limit_);
    if (fits) {
      try {
        kept_[capacity].push_back({block, ++given_});
        keptBytes_ += capacity;
        return;
      } catch (const std::bad_alloc&) {
        // Without room to remember the block it goes back to the system below.
        const auto size = kept_.find(capacity);
        if (size != kept_.end() && size->second.empty()) kept_.erase(size);
      }
    }
    systemFree(block, capacity);
  }

  void setLimit(size_t bytes) {
    const std::lock_guard lock(mutex_);
    limit_ = bytes;
    if (limit_ != 0 && inUse_ + keptBytes_ > limit_) trim();
  }
  size_t limit() {
    const std::lock_guard lock(mutex_);
    return limit_;
  }
  size_t inUse() {
    const std::lock_guard lock(mutex_);
    return inUse_;
  }
  void trimAll() {
    const std::lock_guard lock(mutex_);
    trim();
  }

 private:
  static Error tooMuch(size_t floats, const std::string& why) {
    return {code::kOutOfMemory,
            "cannot allocate " + std::to_string(floats * sizeof(float)) + " bytes of native memory: " + why};
  }
  /// The block of this size given back last, which the caches may still hold; null where none is kept.
  float* takeKept(size_t capacity) {
    const auto found = kept_.find(capacity);
    if (found == kept_.end()) return nullptr;
    float* block = found->second.back().data;
    found->second.pop_back();
    if (found->second.empty()) kept_.erase(found);
    keptBytes_ -= capacity;
    return block;
  }
  /// Frees kept blocks, those given back first before others, until `capacity` more bytes fit.
  void makeRoom(size_t capacity) {
    size_t most = std::max(mostInUse_, inUse_ + capacity);
    if (limit_ != 0) most = std::min(most, limit_);
    while (keptBytes_ > 0 && inUse_ + keptBytes_ + capacity > most) {
      const auto oldest = std::min_element(kept_.begin(), kept_.end(), [](const auto& a, const auto& b) {
        return a.second.front().given < b.second.front().given;
      });
      systemFree(oldest->second.front().data, oldest->first);
      keptBytes_ -= oldest->first;
      oldest->second.pop_front();
      if (oldest->second.empty()) kept_.erase(oldest);
    }
  }
  void trim() {
    for (auto& [capacity, blocks] : kept_)
      for (const Kept& block : blocks) systemFree(block.data, capacity);
    kept_.clear();
    keptBytes_ = 0;
  }

  struct Kept {
    float* data;
    size_t given;  // counts blocks given back
  };
  std::mutex mutex_;
  /// Of each size at least one, the oldest in front.
  std::map<size_t, std::deque<Kept>> kept_;
  size_t inUse_ = 0, mostInUse_ = 0, keptBytes_ = 0, given_ = 0, limit_ = initialLimit;
  const size_t keepable_ =
      static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE)) / 4;
};

/// Never destroyed: buffers held by other static objects may be freed after this file's statics are gone.
Store& store() {
  static Store* const instance = new Store;
  return *instance;
}

}  // namespace

Buffer::Buffer(size_t floats) : floats_(floats) {
  if (floats > 0) data_ = store().take(floats, capacity_);
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      floats_(std::exchange(other.floats_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    if (data_ != nullptr) store().give(data_, capacity_);
    data_ = std::exchange(other.data_, nullptr);
    floats_ = std::exchange(other.floats_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
  }
  return *this;
}

Buffer::~Buffer() {
  if (data_ != nullptr) store().give(data_, capacity_);
}

void setMemoryLimit(size_t bytes) { store().setLimit(bytes); }
size_t memoryLimit() { return store().limit(); }
size_t memoryInUse() { return store().inUse(); }
void trimMemory() { store().trimAll(); }

}  // namespace eznas
