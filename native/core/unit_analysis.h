#pragma once
#include <cstdint>
#include <vector>

#include "native/core/population.h"
#include "native/core/statistics.h"

namespace eznas {

/// How a node's value comes about.
enum class Role : uint8_t {
  tensor,       // recorded
  constant,     // known from shapes alone
  elementwise,  // one or two operands, element by element
  normalize,    // moments of the operand, then element by element
  reduction,    // of one or two operands to a scalar
  matrix,       // an operation on whole tensors in memory
  element,      // one element of a matrix in memory
};

/// What is known of a node before its value, for units of one signature.
struct NodeFacts {
  Shape shape;
  size_t elements = 0;
  bool valid = false;    // no operator below or here rejects its operands
  bool uniform = false;  // one element, or all elements equal: stored as a scalar
  Role role = Role::tensor;
  Operator op = Operator::add;  // as executed: a product of 1 × 1 matrices is an elementwise one
  float constant = 0;
  uint32_t element = 0;            // which, of the operand
  int32_t operands[2] = {-1, -1};  // whose values are needed; constants need none
  Shape domain;                    // what the operands of elementwise operators and reductions broadcast to
  size_t domainElements = 0;

  /// Whether the value exists element by element in a tile loop only, unless it is stored.
  bool isTiled() const { return !uniform && (role == Role::elementwise || role == Role::normalize); }
};

/// Facts of every node. Nodes that are not valid have no more than `valid` set.
std::vector<NodeFacts> analyze(const Population::Dag& dag, const UnitShapes& shapes);

}  // namespace eznas
