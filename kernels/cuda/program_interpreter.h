#pragma once
// All programs of a population on all units in one launch: persistent blocks over a queue of (unit, group of programs).
#include <cuda_runtime_api.h>

#include <cstddef>

#include "kernels/cuda/program_code.h"

namespace eznas::cuda {

/// Shared memory of a block, in floats, and how many blocks of a device stay resident with it.
struct InterpreterShape {
  uint32_t sharedFloats = 0;
  int blocks = 0;
};

/// The shape for the current device.
InterpreterShape interpreterShape();

/// Starts the interpreter with `blocks` blocks. Every item's outcomes are written; the counters of `work` are zero.
void evaluatePopulation(const PopulationWork& work, int blocks, cudaStream_t stream);

}  // namespace eznas::cuda
