#include "native/cuda/population_memory.h"

#include <algorithm>
#include <functional>
#include <string>

#include "native/core/error.h"

namespace eznas::cuda {

ScratchDivision divideScratch(std::span<const uint64_t> descendingNeeds, int blocks, uint64_t bytes) {
  ScratchDivision result{.blocks = std::max(blocks, 1)};
  if (descendingNeeds.empty()) return result;
  const uint64_t most = descendingNeeds.front(), all = bytes / 4, count = static_cast<uint64_t>(result.blocks);
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
  const auto large =
      std::partition_point(descendingNeeds.begin(), descendingNeeds.end(), [&](uint64_t need) { return need > bound; });
  result.largeItems = static_cast<uint32_t>(large - descendingNeeds.begin());
  result.floats = large == descendingNeeds.end() ? 0 : *large;
  result.largeFloats = most;
  const uint64_t fitting = (all - result.floats * count) / most;
  result.largeBlocks = static_cast<uint32_t>(std::min({fitting, count, uint64_t{result.largeItems}}));
  // Other blocks would find nothing that they may run.
  if (large == descendingNeeds.end()) result.blocks = static_cast<int>(result.largeBlocks);
  return result;
}

}  // namespace eznas::cuda
