#pragma once
#include <cstdint>
#include <optional>

#include "kernels/operators.h"
#include "native/core/statistics.h"

namespace eznas {

/// Elements that a result may have; a program that makes a larger one is invalid.
inline constexpr int64_t kMaxElements = int64_t{1} << 27;
/// Multiply-adds that one matrix product may take (about a second of one core).
inline constexpr int64_t kMaxProducts = int64_t{1} << 36;

/// The two matrices of a matmul with their batch dimensions, vectors read as a row (left) or a column (right).
struct MatmulOperands {
  Shape left, right;  // rank ≥ 2
  Shape batch;        // what their leading dimensions broadcast to
  Shape result;       // vectors' dimensions dropped
  int64_t rows() const { return left.dims[left.rank - 2]; }
  int64_t inner() const { return left.dims[left.rank - 1]; }
  int64_t columns() const { return right.dims[right.rank - 1]; }
};

/// NumPy broadcasting; nothing where the shapes do not fit.
std::optional<Shape> broadcastShapes(const Shape& a, const Shape& b);

/// torch.matmul's reading of its operands, a scalar taken as a vector of one element; nothing where they do not fit.
std::optional<MatmulOperands> matmulOperands(const Shape& a, const Shape& b);

/// Dimension 0 against all others flattened: [rows, elements per row]. Not for scalars.
Shape asRows(const Shape& x);

/// Shape of an operator's result, or nothing where it rejects its operands' shapes or the work exceeds the limits above
/// or those of kernels/cpu/program_kernels.h. b is ignored by operators of one operand. The twin of
/// lib/programs/shapes.ts, which has no limits.
std::optional<Shape> resultShape(Operator op, const Shape& a, const Shape& b);

}  // namespace eznas
