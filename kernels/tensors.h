#pragma once
#include <cstdint>

namespace eznas {

/// The 22 tensors recorded per unit (reference: EZNAS paper, section 3.1), in the order of lib/programs/tensors.ts. A
/// set of them is a bit mask: bit i stands for tensor i.
enum Tensor22 : uint8_t {
  kT1D,
  kT1N,
  kT1P,
  kT1GD,
  kT1GN,
  kT1GP,
  kT2D,
  kT2N,
  kT2P,
  kT2GD,
  kT2GN,
  kT2GP,
  kT3,
  kT3GD,
  kT3GN,
  kT3GP,
  kT4D,
  kT4N,
  kT4P,
  kT4GD,
  kT4GN,
  kT4GP,
};
inline constexpr int kTensorCount = 22;
inline constexpr uint32_t kAllTensors = (1u << kTensorCount) - 1;

}  // namespace eznas
