#include "native/cuda/memory_store.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "native/core/error.h"
#include "native/cuda/check.h"

namespace eznas::cuda {
namespace {

constexpr size_t kSmallest = 512, kLargePage = size_t{2} << 20;

/// Four sizes per power of two, so that at most a fifth is unused; large ones in pages of the device.
size_t sizeClass(size_t bytes) {
  if (bytes <= kSmallest) return kSmallest;
  const size_t step = std::max(kSmallest, std::bit_floor(bytes) / 4);
  const size_t rounded = (bytes + step - 1) / step * step;
  return rounded < kLargePage ? rounded : (rounded + kLargePage - 1) / kLargePage * kLargePage;
}

/// Read at each use: it is seldom, and tests change it.
size_t limit() {
  const char* text = std::getenv("EZNAS_GPU_MEMORY_LIMIT");
  const size_t bytes = text == nullptr ? 0 : static_cast<size_t>(std::strtoull(text, nullptr, 10));
  return bytes == 0 ? SIZE_MAX : bytes;
}

bool keeps() {
  static const bool keep = [] {
    const char* text = std::getenv("EZNAS_GPU_CACHE");
    return text == nullptr || std::string(text) != "0";
  }();
  return keep;
}

}  // namespace

void* MemoryStore::reuse(const void* stream, size_t capacity) {
  for (const void* owner : {stream, static_cast<const void*>(nullptr)}) {
    const auto blocks = kept_.find(owner);
    if (blocks == kept_.end()) continue;
    const auto found = blocks->second.find(capacity);
    if (found == blocks->second.end() || found->second.empty()) continue;
    void* block = found->second.back();
    found->second.pop_back();
    keptBytes_ -= capacity;
    return block;
  }
  return nullptr;
}

void* MemoryStore::take(const void* stream, size_t bytes, size_t& capacity) {
  const auto refuse = [&](const std::string& why) {
    return Error(code::kOutOfMemory, "cannot allocate " + std::to_string(bytes) +
                                         " bytes on device cuda:" + std::to_string(device_) + ": " + why + "; " +
                                         std::to_string(inUse_) + " bytes are in use");
  };
  const std::lock_guard lock(mutex_);
  if (bytes > SIZE_MAX / 4) throw refuse("no device has as many");
  capacity = keeps() ? sizeClass(bytes) : bytes;
  if (capacity > limit() || inUse_ > limit() - capacity)
    throw refuse("EZNAS_GPU_MEMORY_LIMIT allows " + std::to_string(limit()));
  void* block = reuse(stream, capacity);
  if (block == nullptr) {
    if (keptBytes_ > 0 && inUse_ + keptBytes_ > limit() - capacity) trimLocked();
    cudaError_t error = cudaMalloc(&block, capacity);
    if (error == cudaErrorMemoryAllocation && keptBytes_ > 0) {
      cudaGetLastError();
      trimLocked();
      error = cudaMalloc(&block, capacity);
    }
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      throw refuse("the device gives no more");
    }
    check(error, "cudaMalloc");
  }
  inUse_ += capacity;
  return block;
}

void MemoryStore::give(const void* stream, void* block, size_t capacity) noexcept {
  const std::lock_guard lock(mutex_);
  inUse_ -= capacity;
  if (keeps()) {
    try {
      kept_[stream][capacity].push_back(block);
      keptBytes_ += capacity;
      return;
    } catch (const std::bad_alloc&) {
      // Without room to remember the block it goes back to the device.
    }
  }
  // Waits for the device's work.
  cudaFree(block);
}

void MemoryStore::forgetStream(const void* stream) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(stream);
  if (found == kept_.end()) return;
  for (auto& [capacity, blocks] : found->second) {
    auto& all = kept_[nullptr][capacity];
    all.insert(all.end(), blocks.begin(), blocks.end());
  }
  kept_.erase(stream);
}

size_t MemoryStore::budget() {
  const std::lock_guard lock(mutex_);
  size_t free = 0, total = 0;
  EZNAS_CUDA(cudaMemGetInfo(&free, &total));
  // CUDA loads kernels and makes room for their stacks on demand.
  const size_t reserve = std::min(total / 16, size_t{512} << 20);
  const size_t available = free + keptBytes_;
  const size_t byDevice = available > reserve ? available - reserve : 0;
  const size_t byLimit = limit() > inUse_ ? limit() - inUse_ : 0;
  return std::min(byDevice, byLimit);
}

size_t MemoryStore::inUse() {
  const std::lock_guard lock(mutex_);
  return inUse_;
}

void MemoryStore::trim() {
  const std::lock_guard lock(mutex_);
  trimLocked();
}

void MemoryStore::trimLocked() {
  // cudaFree waits for the work that may still use them.
  for (auto& [stream, classes] : kept_)
    for (auto& [capacity, blocks] : classes)
      for (void* block : blocks) cudaFree(block);
  kept_.clear();
  keptBytes_ = 0;
}

MemoryStore& memoryStore(int device) {
  static std::mutex mutex;
  // Never destroyed: buffers of other static objects may be given back when this file's statics are gone.
  static auto* const stores = new std::map<int, std::unique_ptr<MemoryStore>>;
  const std::lock_guard lock(mutex);
  auto& store = (*stores)[device];
  if (!store) store = std::make_unique<MemoryStore>(device);
  return *store;
}

}  // namespace eznas::cuda
