#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "native/core/programs.h"
#include "native/core/statistics.h"
#include "native/cuda/device_worker.h"

namespace eznas::cuda {

/// A job's programs on the statistics of one device. run() needs the worker's turn.
class PopulationEvaluation {
 public:
  /// The population is used until the evaluation is destroyed. `unitOffsets`: of all networks of the job.
  PopulationEvaluation(DeviceWorker& worker, const Population& population, std::vector<uint32_t> unitOffsets,
                       const EvaluateOptions& options);
  /// Scores networks, whose tensors lie on the device, as `first` and those after it of the job's. They must stand
  /// until the stream has passed.
  void run(std::span<const std::vector<UnitStatistics>> networks, size_t first);
  /// Waits, and copies the columns of what was run.
  void finish(ScoreMatrix& matrix);

 private:
  struct Columns {
    size_t first;
    ScoreMatrix scores;
  };
  DeviceWorker& worker_;
  const Population& population_;
  std::vector<uint32_t> unitOffsets_;
  EvaluateOptions options_;
  std::vector<Columns> done_;
};

}  // namespace eznas::cuda
