#pragma once
// Statistics of the CUDA backend brought back to the host.
#include <cstring>
#include <vector>

#include "native/core/memory.h"
#include "native/cuda/device_statistics.h"

namespace eznas::test {

/// Copies all tensors of all networks, each into memory of its own.
inline std::vector<NetworkStatistics> toHost(const cuda::DeviceNetworks& networks, const cuda::Stream& stream) {
  std::vector<NetworkStatistics> all;
  for (size_t i = 0; i < networks.networks.size(); ++i) {
    NetworkStatistics& statistics = all.emplace_back();
    statistics.logits = networks.logits[i];
    for (const UnitStatistics& unit : networks.networks[i]) {
      UnitStatistics& copy = statistics.units.emplace_back(unit);
      for (int t = 0; t < kTensorCount; ++t) {
        const float*& tensor = copy.tensors[static_cast<size_t>(t)];
        if (tensor == nullptr) continue;
        const auto count = static_cast<size_t>(unit.shapes.of(t).numel());
        Buffer memory(count);
        stream.copyToHost(memory.data(), tensor, count * sizeof(float));
        tensor = memory.data();
        statistics.storage.push_back(std::move(memory));
      }
    }
  }
  stream.synchronize();
  return all;
}

}  // namespace eznas::test
