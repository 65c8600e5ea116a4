#include "native/core/shape_rules.h"

#include <algorithm>
#include <utility>

#include "kernels/cpu/program_kernels.h"

namespace eznas {
namespace {

const Shape kScalar{};
const Shape kSingle{.rank = 1};

/// Leading dimensions of a shape of rank ≥ 2.
Shape leading(const Shape& x) {
  Shape shape{.rank = x.rank - 2};
  for (int i = 0; i < shape.rank; ++i) shape.dims[i] = x.dims[i];
  return shape;
}

void append(Shape& shape, int64_t size) { shape.dims[shape.rank++] = size; }

/// The shape, unless it holds too many elements; safe against overflow.
std::optional<Shape> limited(const Shape& shape) {
  int64_t elements = 1;
  for (int i = 0; i < shape.rank; ++i) {
    if (shape.dims[i] > kMaxElements) return std::nullopt;
    elements *= shape.dims[i];
    if (elements > kMaxElements) return std::nullopt;
  }
  return shape;
}

std::optional<Shape> determinantShape(const Shape& x) {
  if (x.rank < 2 || x.dims[x.rank - 1] != x.dims[x.rank - 2]) return std::nullopt;
  if (x.dims[x.rank - 1] > static_cast<int64_t>(kMaxDeterminantSize)) return std::nullopt;
  return leading(x);
}

std::optional<Shape> rowRatioShape(const Shape& x) {
  if (x.rank == 0) return kSingle;
  if (x.dims[0] > static_cast<int64_t>(kMaxGramRows)) return std::nullopt;
  return kScalar;
}

/// [rows, rows] of a Gram matrix of the rows.
std::optional<Shape> gramShape(const Shape& x) {
  if (x.rank == 0 || x.dims[0] > static_cast<int64_t>(kMaxGramRows)) return std::nullopt;
  return Shape{.rank = 2, .dims = {x.dims[0], x.dims[0], 1, 1}};
}

std::optional<Shape> swappedShape(Shape x) {
  if (x.rank < 2) return std::nullopt;
  std::swap(x.dims[0], x.dims[1]);
  return x;
}

std::optional<Shape> matmulShape(const Shape& a, const Shape& b) {
  const std::optional<MatmulOperands> operands = matmulOperands(a, b);
  if (!operands) return std::nullopt;
  const std::optional<Shape> result = limited(operands->result);
  if (!result || result->numel() > kMaxProducts / operands->inner()) return std::nullopt;
  return result;
}

}  // namespace

std::optional<Shape> broadcastShapes(const Shape& a, const Shape& b) {
  Shape shape{.rank = std::max(a.rank, b.rank)};
  for (int i = 0; i < shape.rank; ++i) {
    const int fromA = i - shape.rank + a.rank, fromB = i - shape.rank + b.rank;
    const int64_t x = fromA < 0 ? 1 : a.dims[fromA], y = fromB < 0 ? 1 : b.dims[fromB];
    if (x != y && x != 1 && y != 1) return std::nullopt;
    shape.dims[i] = x == 1 ? y : x;
  }
  return shape;
}

std::optional<MatmulOperands> matmulOperands(const Shape& a, const Shape& b) {
  MatmulOperands operands{.left = a, .right = b, .batch = {}, .result = {}};
  if (a.rank < 2) operands.left = {.rank = 2, .dims = {1, a.dims[0], 1, 1}};
  if (b.rank < 2) operands.right = {.rank = 2, .dims = {b.dims[0], 1, 1, 1}};
  if (operands.inner() != operands.right.dims[operands.right.rank - 2]) return std::nullopt;
  const std::optional<Shape> batch = broadcastShapes(leading(operands.left), leading(operands.right));
  if (!batch) return std::nullopt;
  operands.batch = operands.result = *batch;
  if (a.rank >= 2) append(operands.result, operands.rows());
  if (b.rank >= 2) append(operands.result, operands.columns());
  return operands;
}

Shape asRows(const Shape& x) {
  return {.rank = 2, .dims = {x.dims[0], x.dims[0] == 0 ? 0 : x.numel() / x.dims[0], 1, 1}};
}

std::optional<Shape> resultShape(Operator op, const Shape& a, const Shape& b) {
  switch (op) {
    case Operator::add:
    case Operator::sub:
    case Operator::mul:
    case Operator::lt:
    case Operator::gt:
    case Operator::eq: {
      const std::optional<Shape> shape = broadcastShapes(a, b);
      return shape ? limited(*shape) : shape;
    }
    case Operator::matmul:
      return matmulShape(a, b);
    case Operator::log:
    case Operator::abslog:
    case Operator::abs:
    case Operator::square:
    case Operator::exp:
    case Operator::relu:
    case Operator::sign:
    case Operator::sigmoid:
    case Operator::normalize:
    case Operator::heaviside:
    case Operator::gt0:
    case Operator::lt0:
    case Operator::reciprocal:
    case Operator::softmax:
    case Operator::ones_like:
    case Operator::zeros_like:
      return a;
    case Operator::frobenius_norm:
    case Operator::l1_norm:
    case Operator::mean:
    case Operator::std:
    case Operator::min:
    case Operator::max:
    case Operator::count_nonzero:
      return kScalar;
    case Operator::numel:
      return kSingle;
    case Operator::det:
    case Operator::logdet:
    case Operator::logabsdet:
      return determinantShape(a);
    case Operator::symeig_ratio:
    case Operator::eig_ratio:
      return rowRatioShape(a);
    case Operator::channels_first:
      return swappedShape(a);
    case Operator::flatten:
      return a.rank == 0 ? std::nullopt : std::optional(asRows(a));
    case Operator::gram:
    case Operator::covariance:
      return gramShape(a);
    case Operator::spectral_entropy:
    case Operator::participation_ratio:
      return gramShape(a) ? std::optional(kScalar) : std::nullopt;
    case Operator::hamming: {
      const int64_t x = a.numel(), y = b.numel();
      return x == y || x == 1 || y == 1 ? std::optional(kScalar) : std::nullopt;
    }
    case Operator::kl_div: {
      const std::optional<Shape> shape = broadcastShapes(a, b);
      return shape && limited(*shape) ? std::optional(kScalar) : std::nullopt;
    }
    case Operator::cosine: {
      if (a.rank == 0 || b.rank == 0) return kSingle;
      return broadcastShapes(asRows(a), asRows(b)) ? std::optional(kScalar) : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace eznas
