#pragma once
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "kernels/cpu/network_kernels.h"
#include "native/core/memory.h"

namespace eznas {

/// Hands out tensors from large buffers, 64-byte aligned, freed all together. Buffers grow from small to large, so that
/// a small network stays small.
class BumpArena {
 public:
  /// readSlack: floats past the end that must exist, though they may be another tensor's.
  float* allocate(size_t floats, size_t readSlack = 0);
  std::vector<Buffer> release();

 private:
  std::vector<Buffer> buffers_;
  size_t used_ = 0, total_ = 0;
};

/// The feature maps of one network on one thread, with counted references. A map that is let go is handed out again for
/// the next one of equal shape and halo, most recent first (it is likely still in cache), so that halos and the lanes
/// past the last channel are zeroed once for all.
class FeaturePool {
 public:
  /// Names a map; `serial` tells apart the maps that used the same memory one after another.
  struct Reference {
    int slot = -1;
    uint64_t serial = 0;
    explicit operator bool() const { return slot >= 0; }
  };

  explicit FeaturePool(int batch) : batch_(batch) {}
  /// A map with one reference; its interior is undefined, lanes past c and halo are zero.
  Reference acquire(int c, int h, int w, int halo);
  void retain(Reference reference) { ++slots_[static_cast<size_t>(reference.slot)].references; }
  void release(Reference reference);
  FeatureMap map(Reference reference) const { return slots_[static_cast<size_t>(reference.slot)].map; }
  /// A map of zeros, shared by all who ask for this shape; only for reading.
  FeatureMap zeros(int c, int h, int w, int halo);

 private:
  using Layout = std::tuple<int, int, int, int>;
  struct Slot {
    FeatureMap map;
    Layout layout;
    int references = 0;
  };

  int batch_;
  uint64_t serial_ = 0;
  BumpArena arena_;
  std::vector<Slot> slots_;
  std::map<Layout, std::vector<int>> free_;
  std::map<Layout, FeatureMap> zeros_;
};

}  // namespace eznas
