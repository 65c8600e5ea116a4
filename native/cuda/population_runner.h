#pragma once
// Populations on a GPU: programs go in, a score matrix comes out, statistics stay on the device.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "native/core/population.h"
#include "native/core/programs.h"
#include "native/core/statistics.h"
#include "native/cuda/device.h"

namespace eznas::cuda {

/// Scores of a population on the device: one row per program, one column per network. Columns are filled by
/// PopulationRunner::run, in chunks of any size; those not filled yet are not finite.
class DeviceScores {
 public:
  /// `unitOffsets`: units before each network, and of all at the end (networks + 1 numbers). With `unitScores`, scores
  /// of single units are kept too. Throws Error(TOO_LARGE) as the CPU's evaluate() does, Error(OUT_OF_MEMORY).
  DeviceScores(Device& device, size_t programs, std::vector<uint32_t> unitOffsets, bool unitScores, Stream& stream);
  ~DeviceScores();
  DeviceScores(DeviceScores&&) noexcept;
  DeviceScores& operator=(DeviceScores&&) noexcept;

  size_t programs() const;
  size_t networks() const;
  const std::vector<uint32_t>& unitOffsets() const;
  /// Device pointers, row-major: [program][network] scores (NaN unless ok) and ScoreStatus; [program][unit] means of
  /// the root's elements (NaN where invalid), or nullptr.
  double* scores() const;
  uint8_t* status() const;
  double* unitScores() const;

  /// Copies the matrix to the host, after what the stream has before; waits for the stream.
  ScoreMatrix toHost(Stream& stream) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What a run may use.
struct PopulationLimits {
  int blocks = 0;           // resident blocks of threads; 0: as many as the device holds. Results do not depend on it
  size_t scratchBytes = 0;  // scratch memory of all blocks together; 0: half of deviceMemoryBudget()
  size_t groupNodes = 0;    // operators that one block evaluates per unit, about; 0: by the number of units
};

/// Evaluates a population's programs on units whose statistics lie on the device: all programs on all units in one
/// launch. Plans of a signature of shapes are compiled once and kept. One thread at a time; streams may differ from
/// call to call.
class PopulationRunner {
 public:
  /// The population is used until the runner is destroyed.
  PopulationRunner(Device& device, const Population& population, const PopulationLimits& limits = {});
  /// Waits for runs that are under way.
  ~PopulationRunner();
  PopulationRunner(const PopulationRunner&) = delete;
  PopulationRunner& operator=(const PopulationRunner&) = delete;

  /// Scores `networks` (their units, with device pointers) into the columns [firstNetwork, firstNetwork + size) of
  /// `scores`. Plans on the host, then asynchronous on `stream`: statistics and scores must stand until the stream has
  /// passed. Throws, before anything is launched, Error(INVALID_ARGUMENT) for shapes or tensors as evaluate() does and
  /// for counts of units that are not the matrix's; Error(OUT_OF_MEMORY) where scratch memory for a single block does
  /// not fit.
  void run(std::span<const std::vector<UnitStatistics>> networks, DeviceScores& scores, size_t firstNetwork,
           Stream& stream);

  /// Bytes of device memory that run() takes besides statistics and scores: code, outcomes, and scratch memory of
  /// `blocks` blocks (0: as many as the device holds, within the limits).
  size_t bytesNeeded(std::span<const UnitShapes> units, int blocks = 0);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// How each program's scores rank networks; in the order of programs.
struct RankCorrelations {
  std::vector<double> kendallTau;   // τ-b, in [−1, 1]; NaN where scores or accuracies are constant, or not valid
  std::vector<double> spearmanRho;  // ρ, likewise
  std::vector<uint8_t> valid;       // 1 where every score is finite
};

/// Correlations of all programs' scores with accuracies, on the device: columns [firstNetwork, firstNetwork + size) of
/// `scores` against `accuracies`. The rules are those of lib/correlation: NaN with fewer than two networks, where
/// either side is constant, and where any value is NaN; ±Inf among the accuracies are values like others. Waits for the
/// stream. Throws Error(INVALID_ARGUMENT) where the columns leave the matrix.
RankCorrelations rankCorrelations(const DeviceScores& scores, size_t firstNetwork, std::span<const double> accuracies,
                                  Stream& stream);

}  // namespace eznas::cuda
