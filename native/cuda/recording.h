#pragma once
#include <memory>
#include <vector>

#include "native/core/backend.h"
#include "native/cuda/device_statistics.h"
#include "native/cuda/device_worker.h"

namespace eznas::cuda {

/// Recorded tensors of several networks, spread over devices in parts of consecutive networks.
class DeviceRecording final : public Recording {
 public:
  struct Part {
    size_t worker;  // place among the backend's
    size_t first;   // network
    DeviceNetworks networks;
  };
  /// The parts together have every network once, in any order.
  DeviceRecording(Backend& backend, const std::vector<std::unique_ptr<DeviceWorker>>& workers, std::vector<Part> parts);

  /// In the order of networks.
  const std::vector<Part>& parts() const { return parts_; }

  Backend& backend() const override { return backend_; }
  size_t networks() const override { return partOf_.size(); }
  size_t units(size_t network) const override { return unitsOf(network).size(); }
  const UnitShapes& shapes(size_t network, size_t unit) const override { return unitsOf(network)[unit].shapes; }
  size_t bytes() const override;
  std::optional<std::vector<float>> tensor(size_t network, size_t unit, int tensor) const override;
  const std::vector<float>& logits(size_t network, size_t pass) const override;

 private:
  const Part& partOf(size_t network) const { return parts_[partOf_[network]]; }
  const std::vector<UnitStatistics>& unitsOf(size_t network) const;

  Backend& backend_;
  const std::vector<std::unique_ptr<DeviceWorker>>& workers_;
  std::vector<Part> parts_;
  std::vector<size_t> partOf_;  // by network
};

}  // namespace eznas::cuda
