#pragma once
// What evaluation on any backend refuses, and the matrix it fills.
#include "native/core/population.h"
#include "native/core/programs.h"

namespace eznas {

/// Refuses shapes that no recorded tensor has; throws Error(INVALID_ARGUMENT) naming network and unit.
void validateUnit(const UnitShapes& shapes, size_t network, size_t unit);

/// Refuses a unit without a tensor that is read (a bit mask), likewise.
void validateTensors(const UnitStatistics& unit, uint32_t read, size_t network, size_t index);

/// Units before each network and of all, given those of each. Throws Error(TOO_LARGE) above 2^32.
std::vector<uint32_t> offsetsOf(const std::vector<size_t>& unitCounts);

/// Refuses a matrix that no machine can hold; throws Error(TOO_LARGE).
void checkMatrix(size_t programs, const std::vector<uint32_t>& unitOffsets, bool unitScores);

/// A matrix whose scores are NaN and not finite, with its offsets. Throws as checkMatrix does.
ScoreMatrix emptyMatrix(size_t programs, std::vector<uint32_t> unitOffsets, bool unitScores);

}  // namespace eznas
