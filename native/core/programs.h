#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "native/core/collect.h"
#include "native/core/statistics.h"

namespace eznas {

/// Outcome of one program on one network; order shared with lib/addon.ts.
enum class ScoreStatus : uint8_t { ok = 0, nonfinite = 1, invalid = 2 };

/// A population of programs as one DAG: equal subtrees stand once (operands of commutative operators ordered).
class Population {
 public:
  /// `code` holds all programs' postfix words, program i at [offsets[i], offsets[i+1]). `share` false keeps every tree
  /// apart (for measuring what sharing brings). Throws Error(INVALID_PROGRAM) naming program and word.
  Population(std::span<const uint32_t> code, std::span<const uint32_t> offsets, bool share = true);
  ~Population();
  Population(Population&&) noexcept;
  size_t size() const;
  uint32_t tensorsRead() const;  // bit mask, kernels/tensors.h
  size_t nodeCount() const;      // of the DAG
  struct Dag;
  const Dag& dag() const;

 private:
  std::unique_ptr<Dag> dag_;
};

/// Scores [program][network] row-major with a status each; a score that is not ok is NaN.
struct ScoreMatrix {
  size_t programs = 0, networks = 0;
  std::vector<double> scores;
  std::vector<ScoreStatus> status;
  std::vector<uint32_t> unitOffsets;  // networks + 1; filled with unitScores
  std::vector<double> unitScores;     // [program][unit of all networks], when asked for; NaN where invalid
};

struct EvaluateOptions {
  int threads = 0;
  bool unitScores = false;
};

/// Evaluates every program on every unit of every network; network score = mean over its units of the mean of the
/// root's elements.
ScoreMatrix evaluate(std::span<const NetworkStatistics> networks, const Population& population,
                     const EvaluateOptions& options, JobControl& control);

/// Collects and evaluates network by network, keeping no statistics: memory is bounded by the threads, not the
/// networks. Records only what the programs read, whatever request.tensors says. Takes the request by value: move it.
ScoreMatrix scoreNetworks(CollectRequest request, const Population& population, const EvaluateOptions& options,
                          JobControl& control);

}  // namespace eznas
