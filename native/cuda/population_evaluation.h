#pragma once
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "native/core/programs.h"
#include "native/core/statistics.h"
#include "native/cuda/device_worker.h"
#include "native/cuda/population_runner.h"

namespace eznas::cuda {

/// A job's programs on the statistics of one device. All calls need the worker's turn.
class PopulationEvaluation {
 public:
  /// The population is used until the evaluation is destroyed. `unitOffsets`: of all networks of the job.
  PopulationEvaluation(DeviceWorker& worker, const Population& population, std::vector<uint32_t> unitOffsets,
                       bool unitScores)
      : worker_(worker),
        runner_(worker.device(), population),
        scores_(worker.device(), population.size(), std::move(unitOffsets), unitScores, worker.stream()) {}
  /// Scores networks, whose tensors lie on the device, as `first` and those after it of the job's: queued on the
  /// worker's stream.
  void run(std::span<const std::vector<UnitStatistics>> networks, size_t first);
  /// Waits, and copies the columns of what was run.
  void finish(ScoreMatrix& matrix);

 private:
  struct Columns {
    size_t first, count;
  };
  DeviceWorker& worker_;
  PopulationRunner runner_;
  DeviceScores scores_;
  std::vector<Columns> done_;
};

}  // namespace eznas::cuda
