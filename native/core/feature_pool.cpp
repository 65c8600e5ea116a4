#include "native/core/feature_pool.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace eznas {
namespace {

constexpr size_t kSmallPiece = size_t{1} << 16, kLargePiece = size_t{1} << 22;  // floats

void clear(float* data, size_t floats) { std::memset(data, 0, floats * sizeof(float)); }

/// Zeroes what kernels rely on and never write: the halo, and the last block where some of its lanes hold no channel.
void clearUnwritten(const FeatureMap& m) {
  for (int i = 0; i < m.n; ++i) {
    for (int b = 0; b < m.blocks(); ++b) {
      float* const block = m.at(i, b, -m.halo, -m.halo);
      if ((b + 1) * kLanes > m.c) {
        clear(block, m.blockStride());
        continue;
      }
      if (m.halo == 0) continue;
      // Rows above and below, then the gap between one row's end and the next one's start.
      const size_t edge = static_cast<size_t>(m.halo) * m.rowStride() + static_cast<size_t>(m.halo) * kLanes;
      clear(block, edge);
      for (int y = 0; y + 1 < m.h; ++y) clear(m.at(i, b, y, m.w), 2 * static_cast<size_t>(m.halo) * kLanes);
      clear(m.at(i, b, m.h - 1, m.w), edge);
    }
  }
}

}  // namespace

float* BumpArena::allocate(size_t floats, size_t readSlack) {
  const size_t rounded = (floats + kLanes - 1) / kLanes * kLanes;
  if (buffers_.empty() || used_ + rounded + readSlack > buffers_.back().size()) {
    const size_t piece = std::clamp(total_, kSmallPiece, kLargePiece);
    buffers_.emplace_back(std::max(piece, rounded + readSlack));
    total_ += buffers_.back().size();
    used_ = 0;
  }
  float* data = buffers_.back().data() + used_;
  used_ += rounded;
  return data;
}

std::vector<Buffer> BumpArena::release() {
  used_ = total_ = 0;
  return std::exchange(buffers_, {});
}

FeaturePool::Reference FeaturePool::acquire(int c, int h, int w, int halo) {
  const Layout layout{c, h, w, halo};
  std::vector<int>& ready = free_[layout];
  int slot = 0;
  if (!ready.empty()) {
    slot = ready.back();
    ready.pop_back();
  } else {
    FeatureMap map{nullptr, batch_, c, h, w, halo};
    map.data = arena_.allocate(map.floats(), kReadSlack);
    clearUnwritten(map);
    slot = static_cast<int>(slots_.size());
    slots_.push_back({map, layout, 0});
  }
  slots_[static_cast<size_t>(slot)].references = 1;
  return {slot, ++serial_};
}

void FeaturePool::release(Reference reference) {
  Slot& slot = slots_[static_cast<size_t>(reference.slot)];
  if (--slot.references == 0) free_[slot.layout].push_back(reference.slot);
}

FeatureMap FeaturePool::zeros(int c, int h, int w, int halo) {
  const auto [entry, isNew] = zeros_.try_emplace({c, h, w, halo}, FeatureMap{nullptr, batch_, c, h, w, halo});
  FeatureMap& map = entry->second;
  if (isNew) {
    map.data = arena_.allocate(map.floats(), kReadSlack);
    clear(map.data, map.floats());
  }
  return map;
}

}  // namespace eznas
