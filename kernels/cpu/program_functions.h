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
void gram(const float* x, size_t rows, size_t columns, bool centered, float* y, float* scratch);
void swapLeading(const float* x, size_t first, size_t second, size_t inner, float* y);
void logAbsDeterminants(const float* x, size_t n, size_t count, float* y, float* scratch);
float spectralEntropy(const float* x, size_t rows, size_t columns, float* scratch);
float participationRatio(const float* x, size_t rows, size_t columns, float* scratch);
float summary(const ProgramKernels& table, Operator op, const float* x, size_t n);
void softmax(const float* x, float* y, size_t outer, size_t axis, size_t inner, float* scratch);

}  // namespace eznas::EZNAS_ISA::programs
