#pragma once
#include <cstdint>
#include <vector>

#include "native/core/group_compiler.h"

namespace eznas {

/// A root whose mean is to be computed, and the first program that asks for it.
struct PlanTarget {
  int32_t root = 0, program = 0;
};

/// Where every compilation of a population for one signature starts: what is known of the nodes and who needs them,
/// recorded tensors and constants in their places, and which roots are to be computed.
struct PlanTargets {
  PlanTargets(const Population::Dag& dag, const UnitShapes& shapes);
  /// Makes the programs of a root invalid.
  void reject(int32_t root);
  uint32_t outcomeOfRoot(int32_t root) const { return static_cast<uint32_t>(state.outcome[static_cast<size_t>(root)]); }

  PlanState state;
  std::vector<PlanTarget> targets;
  std::vector<int32_t> outcomeOf;  // per program, as in UnitPlan
  uint32_t outcomes = 0;
  std::vector<UnitPlan::Constant> constants;

 private:
  void markNeeded();
  void placeGiven(const Population::Dag& dag);
};

}  // namespace eznas
