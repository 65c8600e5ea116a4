#include "native/core/unit_checks.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "native/core/error.h"

namespace eznas {
namespace {

/// Refuses shapes that no recorded tensor has.
void validateShape(const Shape& shape, size_t network, size_t unit, const char* what) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(code::kInvalidArgument, "network " + std::to_string(network) + ", unit " + std::to_string(unit) +
                                            ": the shape " + what + " " + reason);
  };
  if (shape.rank < 0 || shape.rank > 4) refuse("has rank " + std::to_string(shape.rank) + "; 0 to 4 are possible");
  double elements = 1;
  for (int i = 0; i < 4; ++i) {
    if (shape.dims[i] < 1 || (i >= shape.rank && shape.dims[i] != 1))
      refuse("has a dimension of " + std::to_string(shape.dims[i]) + "; all must be positive");
    elements *= static_cast<double>(shape.dims[i]);
  }
  if (elements > 0x1p40) refuse("has more than 2^40 elements");
}

}  // namespace

void validateUnit(const UnitShapes& shapes, size_t network, size_t unit) {
  if (shapes.activation) validateShape(*shapes.activation, network, unit, "of the activation");
  validateShape(shapes.before, network, unit, "before the convolution");
  validateShape(shapes.weight, network, unit, "of the weights");
  validateShape(shapes.after, network, unit, "after the batch normalization");
}

void validateTensors(const UnitStatistics& unit, uint32_t read, size_t network, size_t index) {
  for (uint32_t tensor = 0; tensor < static_cast<uint32_t>(kTensorCount); ++tensor)
    if ((read >> tensor & 1) != 0 && unit.tensors[tensor] == nullptr)
      throw Error(code::kInvalidArgument, "network " + std::to_string(network) + ", unit " + std::to_string(index) +
                                              ": tensor " + std::to_string(tensor) +
                                              ", which the population reads, was not recorded");
}

std::vector<uint32_t> offsetsOf(const std::vector<size_t>& unitCounts) {
  std::vector<uint32_t> offsets{0};
  for (const size_t count : unitCounts) {
    if (count > UINT32_MAX - offsets.back()) throw Error(code::kTooLarge, "the networks have more than 2^32 units");
    offsets.push_back(offsets.back() + static_cast<uint32_t>(count));
  }
  return offsets;
}

void checkMatrix(size_t programs, const std::vector<uint32_t>& unitOffsets, bool unitScores) {
  const size_t networks = unitOffsets.size() - 1, units = unitScores ? unitOffsets.back() : 0;
  if (static_cast<double>(programs) * static_cast<double>(std::max(networks, units)) > 0x1p33)
    throw Error(code::kTooLarge, std::to_string(programs) + " programs on " + std::to_string(networks) +
                                     " networks make a score matrix of more than 2^33 entries; evaluate fewer at once");
}

ScoreMatrix emptyMatrix(size_t programs, std::vector<uint32_t> unitOffsets, bool unitScores) {
  checkMatrix(programs, unitOffsets, unitScores);
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  ScoreMatrix matrix;
  matrix.programs = programs;
  matrix.networks = unitOffsets.size() - 1;
  const size_t units = unitScores ? unitOffsets.back() : 0;
  matrix.scores.assign(programs * matrix.networks, kNaN);
  matrix.status.assign(programs * matrix.networks, ScoreStatus::nonfinite);
  matrix.unitScores.assign(programs * units, kNaN);
  matrix.unitOffsets = std::move(unitOffsets);
  return matrix;
}

}  // namespace eznas
