#include "memory_map.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>

#include "shared_memory.h"

namespace eznas::shim {
namespace {

constexpr size_t kPage = 4096;
/// cudaMalloc's alignment (CUDA C++ Programming Guide, "Device memory accesses").
constexpr size_t kAlignment = 256;

size_t roundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

bool poisoned(const char* begin, const char* end) {
  if (begin == end) return true;
  return static_cast<unsigned char>(*begin) == kPoison &&
         std::memcmp(begin, begin + 1, static_cast<size_t>(end - begin) - 1) == 0;
}

}  // namespace

MemoryMap::~MemoryMap() {
  for (const auto& [start, allocation] : allocations_) munmap(allocation.region, allocation.regionBytes);
}

void* MemoryMap::allocate(size_t bytes) {
  const size_t body = roundUp(bytes, kAlignment), pages = roundUp(body + kAlignment, kPage);
  const size_t regionBytes = kPage + pages + kPage;
  void* mapped = mmap(nullptr, regionBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* region = static_cast<char*>(mapped);
  std::memset(region + kPage, kPoison, pages);
  mprotect(region, kPage, PROT_NONE);
  mprotect(region + kPage + pages, kPage, PROT_NONE);
  char* start = region + kPage + pages - body;
  allocations_.emplace(start, Allocation{region, regionBytes, bytes});
  bytes_ += bytes;
  return start;
}

bool MemoryMap::free(void* pointer) {
  const auto found = allocations_.find(static_cast<const char*>(pointer));
  if (found == allocations_.end()) return false;
  if (earlierDamage_.empty()) earlierDamage_ = damageOf(found->first, found->second);
  bytes_ -= found->second.bytes;
  munmap(found->second.region, found->second.regionBytes);
  allocations_.erase(found);
  return true;
}

bool MemoryMap::holds(const void* pointer, size_t bytes) const {
  const auto* at = static_cast<const char*>(pointer);
  auto found = allocations_.upper_bound(at);
  if (found == allocations_.begin()) return false;
  --found;
  return at + bytes <= found->first + found->second.bytes;
}

std::string MemoryMap::damageOf(const char* start, const Allocation& allocation) {
  const char* first = allocation.region + kPage;
  const char* last = allocation.region + allocation.regionBytes - kPage;
  if (poisoned(first, start) && poisoned(start + allocation.bytes, last)) return "";
  const auto whole = [](const char* at) { return static_cast<unsigned char>(*at) == kPoison; };
  for (const char* at = start + allocation.bytes; at < last; ++at)
    if (!whole(at))
      return "written " + std::to_string(at - start - static_cast<std::ptrdiff_t>(allocation.bytes)) +
             " bytes past the end of an allocation of " + std::to_string(allocation.bytes) + " bytes";
  for (const char* at = first; at < start; ++at)
    if (!whole(at))
      return "written " + std::to_string(start - at) + " bytes before the start of an allocation of " +
             std::to_string(allocation.bytes) + " bytes";
  return "";
}

std::string MemoryMap::damage() const {
  if (!earlierDamage_.empty()) return earlierDamage_;
  for (const auto& [start, allocation] : allocations_)
    if (std::string found = damageOf(start, allocation); !found.empty()) return found;
  return "";
}

std::string MemoryMap::describe(const void* address) const {
  const auto* at = static_cast<const char*>(address);
  for (const auto& [start, allocation] : allocations_) {
    if (at < allocation.region || at >= allocation.region + allocation.regionBytes) continue;
    const std::string bytes = "an allocation of " + std::to_string(allocation.bytes) + " bytes";
    if (at < start) return std::to_string(start - at) + " bytes before " + bytes;
    const auto offset = static_cast<size_t>(at - start);
    if (offset >= allocation.bytes)
      return std::to_string(offset - allocation.bytes) + " bytes past the end of " + bytes;
    return "byte " + std::to_string(offset) + " of " + bytes;
  }
  return "";
}

}  // namespace eznas::shim
