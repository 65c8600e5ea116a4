#include "native/cuda/matrix_code.h"

#include "native/cuda/device_opcodes.h"

namespace eznas::cuda {

MatrixCode matrixCode(const MatrixStep& step) {
  MatrixCode code{};
  code.op = matrixOpcodeOf(step.op);
  for (int i = 0; i < 3; ++i) code.sizes[i] = static_cast<uint32_t>(step.sizes[i]);
  code.m = static_cast<uint32_t>(step.matmul.m);
  code.k = static_cast<uint32_t>(step.matmul.k);
  code.n = static_cast<uint32_t>(step.matmul.n);
  for (int i = 0; i < 2; ++i) {
    code.batch[i] = static_cast<uint32_t>(step.matmul.batch[i]);
    code.strideA[i] = static_cast<uint32_t>(step.matmul.strideA[i]);
    code.strideB[i] = static_cast<uint32_t>(step.matmul.strideB[i]);
  }
  code.rows = static_cast<uint32_t>(step.rows.rows);
  code.length = static_cast<uint32_t>(step.rows.length);
  code.rowStride[0] = static_cast<uint32_t>(step.rows.rowStrideA);
  code.rowStride[1] = static_cast<uint32_t>(step.rows.rowStrideB);
  code.stride[0] = static_cast<uint32_t>(step.rows.strideA);
  code.stride[1] = static_cast<uint32_t>(step.rows.strideB);
  return code;
}

uint64_t matrixScratchFloats(const MatrixStep& step, uint32_t workFloats) {
  const auto n = static_cast<uint32_t>(step.sizes[0]);
  switch (step.op) {
    case Operator::det:
    case Operator::logdet:
    case Operator::logabsdet:
      return determinantScratchFloats(n, workFloats);
    case Operator::symeig_ratio:
    case Operator::eig_ratio:
      return step.sizes[0] > step.sizes[1] ? 0 : gramScratchFloats(n, workFloats);
    case Operator::gram:
    case Operator::spectral_entropy:
    case Operator::participation_ratio:
      return gramScratchFloats(n, workFloats);
    case Operator::covariance:
      return gramScratchFloats(n, workFloats) + uint64_t{n} * step.sizes[1];
    default:
      return 0;
  }
}

double matrixCost(const MatrixStep& step) {
  const auto a = static_cast<double>(step.sizes[0]), b = static_cast<double>(step.sizes[1]);
  switch (step.op) {
    case Operator::matmul: {
      const MatmulShape& s = step.matmul;
      return static_cast<double>(s.batch[0] * s.batch[1] * s.m) * static_cast<double>(s.k * s.n);
    }
    case Operator::cosine:
      return 4 * static_cast<double>(step.rows.rows) * static_cast<double>(step.rows.length);
    case Operator::softmax:
      return 4 * a * b * static_cast<double>(step.sizes[2]);
    case Operator::det:
    case Operator::logdet:
    case Operator::logabsdet:
      return a * a * a * b;
    default:
      return a * a * b + a * a * a;
  }
}

}  // namespace eznas::cuda
