#pragma once
// What a plan's operators, reductions and broadcasts are in device code.
#include <cstddef>

#include "kernels/cuda/program_code.h"
#include "native/core/unit_plan.h"

namespace eznas::cuda {

/// Of an elementwise operator; `copy` for any other.
TileOpcode opcodeOf(Operator op);

/// The instruction that keeps a reduction's running sums, and what becomes of these.
struct ReductionCodes {
  TileOpcode opcode;
  ReductionKind kind;
};
ReductionCodes codesOf(Reduction kind);

/// Of an operator that is a matrix operation; `matmul` for any other.
MatrixOpcode matrixOpcodeOf(Operator op);

BroadcastCode codeOf(const Broadcast& broadcast);
/// channels_first, which exchanges the outer two of three dimensions, as a gathering.
Broadcast swapped(size_t first, size_t second, size_t inner);

}  // namespace eznas::cuda
