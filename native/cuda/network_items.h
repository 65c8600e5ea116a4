#pragma once
// Items of launches, made of a step's operands in their documented order (network_program.h).
#include <array>
#include <cstddef>

#include "native/cuda/network_program.h"

namespace eznas::cuda {

size_t itemBytes(Op op);
/// Writes the item of any op but sum.
void writeItem(Op op, const std::array<float*, kMostOperands>& operands, std::byte* item);

}  // namespace eznas::cuda
