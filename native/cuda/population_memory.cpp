#include "native/cuda/population_memory.h"

#include <algorithm>
#include <string>

#include "native/core/error.h"

namespace eznas::cuda {

ScratchDivision divideScratch(std::span<const ScratchNeed> descendingNeeds, int blocks, uint64_t bytes) {
  ScratchDivision result{.blocks = std::max(blocks, 1)};
  if (descendingNeeds.empty()) return result;
  const uint64_t most = descendingNeeds.front().floats, all = bytes / 4, count = static_cast<uint64_t>(result.blocks);
  if (most > all)
    throw Error(code::kOutOfMemory, "a program needs " + std::to_string(most * 4) +
                                        " bytes of scratch memory on the device, and " + std::to_string(bytes) +
                                        " are there for it; use smaller minibatches or leave the program out");
  if (most <= all / count) {
    result.floats = most;
    return result;
  }
  // The largest need that all blocks may have, while one block still has the largest of all.
  const uint64_t bound = std::min(all / 2, all - most) / count;
  uint64_t largeItems = 0;
  size_t next = 0;
  for (; next < descendingNeeds.size() && descendingNeeds[next].floats > bound; ++next)
    largeItems += descendingNeeds[next].items;
  const bool allLarge = next == descendingNeeds.size();
  result.largeItems = static_cast<uint32_t>(largeItems);
  result.floats = allLarge ? 0 : descendingNeeds[next].floats;
  result.largeFloats = most;
  const uint64_t fitting = (all - result.floats * count) / most;
  result.largeBlocks = static_cast<uint32_t>(std::min({fitting, count, largeItems}));
  // Other blocks would find nothing that they may run.
  if (allLarge) result.blocks = static_cast<int>(result.largeBlocks);
  return result;
}

}  // namespace eznas::cuda
