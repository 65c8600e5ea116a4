#pragma once
// Device memory: allocations of their own between guard zones.
#include <cstddef>
#include <map>
#include <string>

namespace eznas::shim {

/// Allocations of one device. Each lies between pages that cannot be touched; what is left of its own pages is watched.
class MemoryMap {
 public:
  ~MemoryMap();
  /// nullptr where the machine has no more. Filled with the poison of shared_memory.h.
  void* allocate(size_t bytes);
  /// False where nothing is allocated there. Notes damage.
  bool free(void* pointer);
  bool holds(const void* pointer, size_t bytes) const;
  std::string damage() const;
  size_t bytes() const { return bytes_; }
  size_t count() const { return allocations_.size(); }
  /// Describes an address in or beside an allocation, "" elsewhere.
  std::string describe(const void* address) const;

 private:
  struct Allocation {
    char* region;
    size_t regionBytes, bytes;
  };
  static std::string damageOf(const char* start, const Allocation& allocation);
  std::map<const char*, Allocation> allocations_;
  std::string earlierDamage_;
  size_t bytes_ = 0;
};

}  // namespace eznas::shim
