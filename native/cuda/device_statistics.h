#pragma once
#include <array>
#include <vector>

#include "native/core/statistics.h"
#include "native/cuda/device.h"

namespace eznas::cuda {

/// Recorded tensors of several networks on one device; NetworkStatistics with device pointers.
struct DeviceNetworks {
  int device = 0;
  std::vector<std::vector<UnitStatistics>> networks;  // [network][unit]; the pointers are the device's
  std::vector<DeviceBuffer> storage;
  std::vector<std::array<std::vector<float>, 3>> logits;  // per network; passes D, N, P as run, on the host
};

}  // namespace eznas::cuda
