#pragma once
// What steps cost by their shapes: for predictions, and to judge measured times by.
#include <cstddef>

#include "native/cuda/network_program.h"

namespace eznas::cuda {

struct StepCost {
  double flops = 0;   // multiplications and additions that the operation needs, by its definition
  double issued = 0;  // those that the kernel makes, with what tiles pad
  double bytes = 0;   // read and written once each; what a convolution reads twice at its tiles' borders is in cache
};

/// One item of a step; `step` tells which optional operands it has, and how many terms.
StepCost costOf(const Step& step, int batch);

}  // namespace eznas::cuda
