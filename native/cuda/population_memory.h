#pragma once
// How a launch of the interpreter divides scratch memory.
#include <cstddef>
#include <cstdint>
#include <span>

namespace eznas::cuda {

/// Items that need as much, in floats.
struct ScratchNeed {
  uint64_t floats = 0, items = 0;
};

/// Every block has `floats`; the first `largeBlocks` of them have `largeFloats` besides, for the items that need more.
struct ScratchDivision {
  int blocks = 0;
  uint64_t floats = 0, largeFloats = 0;
  uint32_t largeBlocks = 0, largeItems = 0;
  uint64_t bytes() const { return (floats * static_cast<uint64_t>(blocks) + largeFloats * largeBlocks) * 4; }
};

/// Divides `bytes` between `blocks` blocks for items with these needs, the largest first. As many blocks as asked for
/// have what most items need, as long as that takes no more than half; items that need more than
/// ScratchDivision::floats are large. Throws Error(OUT_OF_MEMORY) where the largest item does not fit alone.
ScratchDivision divideScratch(std::span<const ScratchNeed> descendingNeeds, int blocks, uint64_t bytes);

}  // namespace eznas::cuda
