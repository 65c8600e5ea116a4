#include <utility>

#include "native/core/unit_checks.h"
#include "native/cuda/population_runner.h"

namespace eznas::cuda {

struct DeviceScores::State {
  size_t programs = 0;
  std::vector<uint32_t> offsets;
  bool withUnits = false;
  DeviceBuffer scores, status, unitScores;
};

DeviceScores::DeviceScores(Device& device, size_t programs, std::vector<uint32_t> unitOffsets, bool unitScores,
                           Stream& stream)
    : state_(std::make_unique<State>()) {
  if (unitOffsets.empty()) unitOffsets.push_back(0);
  checkMatrix(programs, unitOffsets, unitScores);
  device.use();
  state_->programs = programs;
  state_->offsets = std::move(unitOffsets);
  state_->withUnits = unitScores;
  const size_t entries = programs * networks(), units = unitScores ? programs * state_->offsets.back() : 0;
  const auto filled = [&](size_t bytes, int byte) {
    DeviceBuffer buffer(stream, bytes);
    stream.fill(buffer.data(), byte, bytes);
    return buffer;
  };
  // All ones are a NaN.
  state_->scores = filled(entries * sizeof(double), 0xff);
  state_->status = filled(entries, static_cast<int>(ScoreStatus::nonfinite));
  state_->unitScores = filled(units * sizeof(double), 0xff);
}

DeviceScores::~DeviceScores() = default;
DeviceScores::DeviceScores(DeviceScores&&) noexcept = default;
DeviceScores& DeviceScores::operator=(DeviceScores&&) noexcept = default;

size_t DeviceScores::programs() const { return state_->programs; }
size_t DeviceScores::networks() const { return state_->offsets.size() - 1; }
const std::vector<uint32_t>& DeviceScores::unitOffsets() const { return state_->offsets; }
double* DeviceScores::scores() const { return state_->scores.as<double>(); }
uint8_t* DeviceScores::status() const { return state_->status.as<uint8_t>(); }
double* DeviceScores::unitScores() const { return state_->withUnits ? state_->unitScores.as<double>() : nullptr; }

ScoreMatrix DeviceScores::toHost(Stream& stream) const {
  stream.device().use();
  ScoreMatrix matrix = emptyMatrix(programs(), unitOffsets(), state_->withUnits);
  static_assert(sizeof(ScoreStatus) == 1);
  stream.copyToHost(matrix.scores.data(), state_->scores.data(), matrix.scores.size() * sizeof(double));
  stream.copyToHost(matrix.status.data(), state_->status.data(), matrix.status.size());
  stream.copyToHost(matrix.unitScores.data(), state_->unitScores.data(), matrix.unitScores.size() * sizeof(double));
  stream.synchronize();
  return matrix;
}

}  // namespace eznas::cuda
