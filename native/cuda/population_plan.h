#pragma once
// What a population computes on units of one signature, on the device.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "native/core/population.h"
#include "native/core/programs.h"
#include "native/core/statistics.h"

namespace eznas::cuda {

/// Groups of programs, none of which needs another's values, so that blocks may take them in any order.
struct PopulationPlan {
  struct Item {
    size_t code = 0;  // offset of its GroupCode
    uint64_t scratchFloats = 0;
    double cost = 0;  // elements times operators, about
  };
  std::vector<int32_t> outcomeOf;  // per program, UnitPlan::kInvalid where an operator rejects its operands
  uint32_t outcomes = 0;           // of a unit
  std::vector<std::byte> code;
  std::vector<Item> items;  // the longest first
};

/// Groups of about `groupNodes` operators; the same programs as on the CPU are invalid for their size.
PopulationPlan compilePopulation(const Population::Dag& dag, const UnitShapes& shapes, size_t groupNodes,
                                 uint32_t workFloats);

}  // namespace eznas::cuda
