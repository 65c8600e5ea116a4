#pragma once
#include <vector>

#include "kernels/cpu/network_kernels.h"
#include "native/core/plan.h"

namespace eznas {

/// Zeros around feature maps that the kernels of a plan's convolutions read past the border.
struct Halos {
  Halos(const Graph& graph, const Plan& plan, const NetworkKernels& kernels);
  std::vector<int> map;       // by holder: of the feature map
  std::vector<int> gradient;  // by value: of its gradient's map
};

}  // namespace eznas
