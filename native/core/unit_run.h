#pragma once
#include <cstddef>
#include <vector>

#include "kernels/cpu/program_kernels.h"
#include "native/core/memory.h"
#include "native/core/statistics.h"
#include "native/core/unit_plan.h"

namespace eznas {

/// Runs plans on one thread, with scratch memory that grows to what they need.
class UnitRunner {
 public:
  explicit UnitRunner(const ProgramKernels& kernels) : kernels_(kernels) {}

  /// The plan's outcomes on one unit: means of the programs' roots, in float64. The unit's shapes are those the plan
  /// was compiled for, and it has every tensor that the population reads. The result stands until the next call.
  const std::vector<double>& run(const UnitPlan& plan, const UnitStatistics& unit);

 private:
  /// A tile instruction with addresses; each advances by its step (0 or 1 floats per element) from tile to tile.
  struct Resolved {
    const TileInstruction* instruction = nullptr;
    float* out = nullptr;
    const float* a = nullptr;
    const float* b = nullptr;
    size_t outStep = 0, aStep = 0, bStep = 0;
  };

  void reserve(const UnitPlan& plan);
  float* address(Place place);
  static size_t stepOf(Place place);
  void runGroup(const Group& group);
  void runLoop(const Group& group, const TileLoop& loop);
  void runTile(const Group& group, const Resolved& r, size_t begin, size_t count);
  void accumulate(const ReductionStep& reduction, ReductionSums& sums, const float* a, const float* b, size_t count);
  void finish(const ReductionStep& reduction, const ReductionSums& sums, double repeats);
  void runMatrix(const MatrixStep& step);

  const ProgramKernels& kernels_;
  const UnitStatistics* unit_ = nullptr;
  Buffer arena_, scratch_, slots_, scalars_;
  std::vector<ReductionSums> sums_;
  std::vector<Resolved> resolved_;
  std::vector<double> outcomes_;
};

}  // namespace eznas
