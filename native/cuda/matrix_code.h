#pragma once
// Matrix operations of a plan in device code.
#include <cstdint>

#include "kernels/cuda/program_code.h"
#include "native/core/unit_plan.h"

namespace eznas::cuda {

/// The code of an operation but for the places of its operands, result and scratch memory.
MatrixCode matrixCode(const MatrixStep& step);
/// Scratch memory of an operation for which a block has so many floats of shared memory.
uint64_t matrixScratchFloats(const MatrixStep& step, uint32_t workFloats);
/// Elements times operators, about.
double matrixCost(const MatrixStep& step);

}  // namespace eznas::cuda
