#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>

namespace eznas {

/// Offsets of values in one block of scratch memory, in cache lines of 16 floats: the smallest hole that fits, or the
/// end.
class ArenaLayout {
 public:
  static size_t lines(size_t floats) { return (floats + 15) / 16; }

  uint32_t take(size_t floats) {
    const size_t size = lines(floats);
    auto best = holes_.end();
    for (auto hole = holes_.begin(); hole != holes_.end(); ++hole)
      if (hole->second >= size && (best == holes_.end() || hole->second < best->second)) best = hole;
    size_t at = end_;
    if (best != holes_.end()) {
      at = best->first;
      const size_t left = best->second - size;
      holes_.erase(best);
      if (left > 0) holes_.emplace(at + size, left);
    } else {
      end_ += size;
      peak_ = std::max(peak_, end_);
    }
    return static_cast<uint32_t>(at);
  }

  void release(uint32_t line, size_t floats) {
    const auto hole = holes_.emplace(line, lines(floats)).first;
    if (const auto next = std::next(hole); next != holes_.end() && hole->first + hole->second == next->first) {
      hole->second += next->second;
      holes_.erase(next);
    }
    auto last = hole;
    if (hole != holes_.begin()) {
      const auto before = std::prev(hole);
      if (before->first + before->second == hole->first) {
        before->second += hole->second;
        holes_.erase(hole);
        last = before;
      }
    }
    if (last->first + last->second == end_) {
      end_ = last->first;
      holes_.erase(last);
    }
  }

  /// Floats from the start to the end of the last value: now, and at most since the last call of restartPeak.
  size_t floats() const { return end_ * 16; }
  size_t peakFloats() const { return peak_ * 16; }
  void restartPeak() { peak_ = end_; }

 private:
  std::map<size_t, size_t> holes_;  // start → size
  size_t end_ = 0, peak_ = 0;
};

}  // namespace eznas
