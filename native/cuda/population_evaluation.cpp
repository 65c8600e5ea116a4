#include "native/cuda/population_evaluation.h"

#include <algorithm>

namespace eznas::cuda {
namespace {

/// Copies columns [first, first + count) of a row-major matrix.
template <class T>
void copyColumns(const std::vector<T>& from, std::vector<T>& to, size_t rows, size_t first, size_t count) {
  const size_t columns = rows == 0 ? 0 : from.size() / rows;
  for (size_t row = 0; row < rows; ++row) {
    const auto at = static_cast<int64_t>(row * columns + first);
    std::copy_n(from.begin() + at, count, to.begin() + at);
  }
}

}  // namespace

void PopulationEvaluation::run(std::span<const std::vector<UnitStatistics>> networks, size_t first) {
  runner_.run(networks, scores_, first, worker_.stream());
  done_.push_back({first, networks.size()});
}

void PopulationEvaluation::finish(ScoreMatrix& matrix) {
  if (done_.empty()) return;
  const ScoreMatrix here = scores_.toHost(worker_.stream());
  for (const auto& [first, count] : done_) {
    copyColumns(here.scores, matrix.scores, matrix.programs, first, count);
    copyColumns(here.status, matrix.status, matrix.programs, first, count);
    if (matrix.unitScores.empty()) continue;
    const uint32_t units = matrix.unitOffsets[first];
    copyColumns(here.unitScores, matrix.unitScores, matrix.programs, units, matrix.unitOffsets[first + count] - units);
  }
}

}  // namespace eznas::cuda
