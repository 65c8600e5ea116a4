#pragma once
// Groups of a population's programs as device code (kernels/cuda/program_code.h).
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "native/core/unit_plan.h"

namespace eznas::cuda {

/// A group's code; what it needs besides.
struct GroupBytes {
  std::vector<std::byte> bytes;
  uint64_t scratchFloats = 0;  // whole 256-byte lines
  double cost = 0;             // elements times operators, about: to start the longest first
};

/// What a group needs to know of the plan around it.
struct GroupSurroundings {
  std::span<const UnitPlan::Constant> constants;
  std::span<const UnitPlan::ScalarOutcome> outcomes;  // of this group
  size_t arenaFloats = 0;
  uint32_t scalars = 0;     // numbered below this
  uint32_t workFloats = 0;  // of a block's shared memory, at least kLeastWorkFloats
};

GroupBytes encodeGroup(const Group& group, const GroupSurroundings& around);

}  // namespace eznas::cuda
