#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/tensors.h"
#include "native/core/memory.h"

namespace eznas {

/// Rank and dimensions of a tensor that programs see; rank 0 is a scalar.
struct Shape {
  int rank = 0;
  std::array<int64_t, 4> dims{1, 1, 1, 1};  // dims beyond rank are 1
  bool operator==(const Shape&) const = default;
  int64_t numel() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= dims[i];
    return n;
  }
};

/// Shapes of one unit's tensors: a program's validity and its plan depend on nothing else.
/// T1, T2 and their gradients: before; T3 and gradients: weight; T4 and gradients: after. Where the ReLU is another
/// than the convolution reads, T1 and its gradients may have a shape of their own: activation, otherwise left out.
struct UnitShapes {
  Shape before, weight, after;
  std::optional<Shape> activation = std::nullopt;
  bool operator==(const UnitShapes&) const = default;
  const Shape& of(int tensor) const {
    if (tensor < kT2D) return activation ? *activation : before;
    return tensor < kT3 ? before : tensor < kT4D ? weight : after;
  }
};

/// The recorded tensors of one unit, plain row-major float32 (activations B×C×H×W, weights Cout×Cin/groups×kh×kw).
/// A tensor not asked for is nullptr. Units may share storage (the same node feeds several ReLUs).
struct UnitStatistics {
  UnitShapes shapes;
  std::array<const float*, kTensorCount> tensors{};
};

struct NetworkStatistics {
  std::vector<UnitStatistics> units;
  std::vector<Buffer> storage;
  std::array<std::vector<float>, 3> logits;  // passes D, N, P as run (P is not a difference); B×classes each, or empty
};

}  // namespace eznas
