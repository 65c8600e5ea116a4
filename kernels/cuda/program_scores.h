#pragma once
// From outcomes of units to a population's score matrix.
#include <cuda_runtime_api.h>

#include <cstdint>

namespace eznas::cuda {

/// One unit: where its outcomes stand, and which of them is each program's (negative: the program is invalid).
struct ScoredUnit {
  const double* outcomes;
  const int32_t* outcomeOf;
};

/// The columns of some networks. Rows of `scores` and `status` are `columns` apart, rows of `unitScores` `unitColumns`.
struct ScoreTable {
  const ScoredUnit* units;
  const uint32_t* offsets;  // units before each network, and of all; from 0
  double* scores;           // from the first network's column on
  uint8_t* status;          // ScoreStatus
  double* unitScores;       // from the first unit's column on, or nullptr
  uint64_t columns, unitColumns;
  uint32_t programs, networks;
};

/// Score: the mean over a network's units, added in order; NaN and a status that says why where it is not finite.
void reduceScores(const ScoreTable& table, cudaStream_t stream);

}  // namespace eznas::cuda
