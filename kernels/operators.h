#pragma once
#include <cstdint>

namespace eznas {

/// The operator table, in opcode order; its twin is lib/programs/operators.ts and a test holds the two together.
/// X(name, arity)
// clang-format off
#define EZNAS_OPERATORS(X)                                                                                    \
  X(add, 2) X(sub, 2) X(mul, 2) X(matmul, 2) X(lt, 2) X(gt, 2) X(eq, 2)                                       \
  X(log, 1) X(abslog, 1) X(abs, 1) X(square, 1) X(exp, 1) X(relu, 1) X(sign, 1) X(sigmoid, 1) X(normalize, 1) \
  X(heaviside, 1) X(gt0, 1) X(lt0, 1) X(reciprocal, 1) X(softmax, 1) X(ones_like, 1) X(zeros_like, 1)         \
  X(frobenius_norm, 1) X(l1_norm, 1) X(mean, 1) X(numel, 1) X(det, 1) X(logdet, 1) X(symeig_ratio, 1)         \
  X(eig_ratio, 1) X(hamming, 2) X(kl_div, 2) X(cosine, 2)                                                     \
  X(channels_first, 1) X(flatten, 1) X(gram, 1) X(covariance, 1) X(logabsdet, 1) X(spectral_entropy, 1)       \
  X(participation_ratio, 1) X(std, 1) X(min, 1) X(max, 1) X(count_nonzero, 1)
// clang-format on

enum class Operator : uint8_t {
#define X(name, arity) name,
  EZNAS_OPERATORS(X)
#undef X
};

inline constexpr int kOperatorCount = 45;

/// What logabsdet adds to the diagonal, so that a singular matrix has a logarithm.
inline constexpr double kDiagonalShift = 1e-6;

/// A program is a postfix string of words: a word below 64 is a tensor (kernels/tensors.h), 64 + opcode an operator.
inline constexpr uint32_t kOperatorWord = 64;

}  // namespace eznas
