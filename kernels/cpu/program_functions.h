#pragma once
// What the files of program kernels give to the table of their SIMD level.
#include "kernels/cpu/program_kernels.h"
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA::programs {

/// Fills unary, binary, normalize and spread.
void addElementwise(ProgramKernels& table);
/// Fills sum … cosine.
void addReductions(ProgramKernels& table);

void matmul(const float* a, const float* b, float* c, const MatmulShape& shape);
void determinants(const float* x, size_t n, size_t count, bool logarithm, float* y, float* scratch);
float gramRatio(const float* x, size_t rows, size_t columns, float* scratch);
void softmax(const float* x, float* y, size_t outer, size_t axis, size_t inner, float* scratch);

}  // namespace eznas::EZNAS_ISA::programs
