#include "native/cuda/device_opcodes.h"

#include <bit>

namespace eznas::cuda {

TileOpcode opcodeOf(Operator op) {
  switch (op) {
    case Operator::add:
      return TileOpcode::add;
    case Operator::sub:
      return TileOpcode::sub;
    case Operator::mul:
      return TileOpcode::mul;
    case Operator::lt:
      return TileOpcode::less;
    case Operator::gt:
      return TileOpcode::greater;
    case Operator::eq:
      return TileOpcode::equal;
    case Operator::log:
      return TileOpcode::log;
    case Operator::abslog:
      return TileOpcode::abslog;
    case Operator::abs:
      return TileOpcode::abs;
    case Operator::square:
      return TileOpcode::square;
    case Operator::exp:
      return TileOpcode::exp;
    case Operator::relu:
      return TileOpcode::relu;
    case Operator::sign:
      return TileOpcode::sign;
    case Operator::sigmoid:
      return TileOpcode::sigmoid;
    case Operator::heaviside:
    case Operator::gt0:
      return TileOpcode::positive;
    case Operator::lt0:
      return TileOpcode::negative;
    case Operator::reciprocal:
      return TileOpcode::reciprocal;
    default:
      return TileOpcode::copy;
  }
}

ReductionCodes codesOf(Reduction kind) {
  switch (kind) {
    case Reduction::score:
      return {TileOpcode::sum, ReductionKind::score};
    case Reduction::mean:
      return {TileOpcode::sum, ReductionKind::mean};
    case Reduction::l1Norm:
      return {TileOpcode::sumMagnitudes, ReductionKind::l1Norm};
    case Reduction::frobeniusNorm:
      return {TileOpcode::sumSquares, ReductionKind::frobeniusNorm};
    case Reduction::moments:
      return {TileOpcode::moments, ReductionKind::moments};
    case Reduction::hamming:
      return {TileOpcode::hamming, ReductionKind::hamming};
    case Reduction::divergence:
      break;
  }
  return {TileOpcode::divergence, ReductionKind::divergence};
}

MatrixOpcode matrixOpcodeOf(Operator op) {
  switch (op) {
    case Operator::det:
      return MatrixOpcode::determinant;
    case Operator::logdet:
      return MatrixOpcode::logDeterminant;
    case Operator::logabsdet:
      return MatrixOpcode::logMagnitude;
    case Operator::symeig_ratio:
    case Operator::eig_ratio:
      return MatrixOpcode::gramRatio;
    case Operator::gram:
      return MatrixOpcode::gram;
    case Operator::covariance:
      return MatrixOpcode::covariance;
    case Operator::spectral_entropy:
      return MatrixOpcode::spectralEntropy;
    case Operator::participation_ratio:
      return MatrixOpcode::participationRatio;
    case Operator::softmax:
      return MatrixOpcode::softmax;
    case Operator::cosine:
      return MatrixOpcode::cosine;
    default:
      return MatrixOpcode::matmul;
  }
}

/// Sizes of 1, whose multiplier stays 0, are only ever asked to divide 0.
BroadcastCode codeOf(const Broadcast& broadcast) {
  BroadcastCode code{};
  for (int d = 0; d < 4; ++d) {
    const auto size = static_cast<uint32_t>(broadcast.sizes[d]);
    code.sizes[d] = size;
    code.strides[d] = static_cast<uint32_t>(broadcast.strides[d]);
    if (size < 2) continue;
    const int bits = std::bit_width(size - 1);
    code.multipliers[d] = static_cast<uint32_t>(((uint64_t{1} << (31 + bits)) + size - 1) / size);
    code.shifts[d] = static_cast<uint32_t>(bits - 1);
  }
  return code;
}

Broadcast swapped(size_t first, size_t second, size_t inner) {
  const size_t sizes[] = {second, first, inner}, strides[] = {inner, second * inner, 1};
  // Dimensions of the result that have a size, innermost last.
  Broadcast result;
  int at = 3;
  for (int i = 2; i >= 0; --i) {
    if (sizes[i] == 1) continue;
    result.sizes[at] = sizes[i];
    result.strides[at] = strides[i];
    --at;
  }
  return result;
}

}  // namespace eznas::cuda
