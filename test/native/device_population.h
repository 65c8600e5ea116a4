#pragma once
// Statistics on the device, and populations evaluated there.
#include <vector>

#include "native/cuda/device.h"
#include "native/cuda/population_runner.h"
#include "test/native/populations.h"

namespace eznas::test {

/// Tensors of networks on the device, each an allocation of its own and just its size.
class DeviceTensors {
 public:
  DeviceTensors(const std::vector<NetworkStatistics>& networks, const cuda::Stream& stream) {
    for (const NetworkStatistics& network : networks) {
      std::vector<UnitStatistics>& units = networks_.emplace_back();
      offsets_.push_back(offsets_.back() + static_cast<uint32_t>(network.units.size()));
      for (const UnitStatistics& unit : network.units) {
        units.push_back(unit);
        for (int t = 0; t < kTensorCount; ++t) {
          const float*& tensor = units.back().tensors[static_cast<size_t>(t)];
          if (tensor == nullptr) continue;
          const size_t bytes = static_cast<size_t>(unit.shapes.of(t).numel()) * sizeof(float);
          storage_.emplace_back(stream, bytes);
          stream.copyToDevice(storage_.back().data(), tensor, bytes);
          tensor = storage_.back().as<float>();
        }
      }
    }
    stream.synchronize();
  }
  const std::vector<std::vector<UnitStatistics>>& networks() const { return networks_; }
  const std::vector<uint32_t>& offsets() const { return offsets_; }

 private:
  std::vector<std::vector<UnitStatistics>> networks_;
  std::vector<uint32_t> offsets_{0};
  std::vector<cuda::DeviceBuffer> storage_;
};

/// All programs on all networks, `chunk` networks per call (0: all).
inline ScoreMatrix evaluateThere(const DeviceTensors& tensors, const Population& population, cuda::Stream& stream,
                                 const cuda::PopulationLimits& limits = {}, size_t chunk = 0) {
  cuda::PopulationRunner runner(stream.device(), population, limits);
  cuda::DeviceScores scores(stream.device(), population.size(), tensors.offsets(), true, stream);
  const std::span<const std::vector<UnitStatistics>> all(tensors.networks());
  for (size_t first = 0; first < all.size(); first += chunk == 0 ? all.size() : chunk)
    runner.run(all.subspan(first, std::min(chunk == 0 ? all.size() : chunk, all.size() - first)), scores, first,
               stream);
  return scores.toHost(stream);
}

}  // namespace eznas::test
