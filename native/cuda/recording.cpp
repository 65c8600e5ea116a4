#include "native/cuda/recording.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace eznas::cuda {

DeviceRecording::DeviceRecording(Backend& backend, const std::vector<std::unique_ptr<DeviceWorker>>& workers,
                                 std::vector<Part> parts)
    : backend_(backend), workers_(workers), parts_(std::move(parts)) {
  std::sort(parts_.begin(), parts_.end(), [](const Part& a, const Part& b) { return a.first < b.first; });
  for (size_t part = 0; part < parts_.size(); ++part)
    partOf_.insert(partOf_.end(), parts_[part].networks.networks.size(), part);
}

const std::vector<UnitStatistics>& DeviceRecording::unitsOf(size_t network) const {
  const Part& part = partOf(network);
  return part.networks.networks[network - part.first];
}

size_t DeviceRecording::bytes() const {
  size_t sum = 0;
  for (const Part& part : parts_)
    for (const DeviceBuffer& buffer : part.networks.storage) sum += buffer.bytes();
  return sum;
}

std::optional<std::vector<float>> DeviceRecording::tensor(size_t network, size_t unit, int tensor) const {
  const UnitStatistics& found = unitsOf(network)[unit];
  const float* from = found.tensors[static_cast<size_t>(tensor)];
  if (from == nullptr) return std::nullopt;
  DeviceWorker& worker = *workers_[partOf(network).worker];
  std::vector<float> copy(static_cast<size_t>(found.shapes.of(tensor).numel()));
  const std::lock_guard turn(worker.turn());
  worker.device().use();
  worker.stream().copyToHost(copy.data(), from, copy.size() * sizeof(float));
  worker.stream().synchronize();
  return copy;
}

const std::vector<float>& DeviceRecording::logits(size_t network, size_t pass) const {
  const Part& part = partOf(network);
  return part.networks.logits[network - part.first][pass];
}

}  // namespace eznas::cuda
