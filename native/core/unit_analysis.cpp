#include "native/core/unit_analysis.h"

#include <algorithm>
#include <optional>

#include "native/core/shape_rules.h"

namespace eznas {
namespace {

Role roleOf(Operator op) {
  switch (op) {
    case Operator::normalize:
      return Role::normalize;
    case Operator::ones_like:
    case Operator::zeros_like:
    case Operator::numel:
      return Role::constant;
    case Operator::frobenius_norm:
    case Operator::l1_norm:
    case Operator::mean:
    case Operator::hamming:
    case Operator::kl_div:
      return Role::reduction;
    case Operator::matmul:
    case Operator::softmax:
    case Operator::det:
    case Operator::logdet:
    case Operator::symeig_ratio:
    case Operator::eig_ratio:
    case Operator::cosine:
    case Operator::channels_first:
    case Operator::flatten:
    case Operator::gram:
    case Operator::covariance:
    case Operator::logabsdet:
    case Operator::spectral_entropy:
    case Operator::participation_ratio:
    case Operator::std:
    case Operator::min:
    case Operator::max:
    case Operator::count_nonzero:
      return Role::matrix;
    default:
      return Role::elementwise;
  }
}

void setDomain(NodeFacts& facts, const Shape& domain) {
  facts.domain = domain;
  facts.domainElements = static_cast<size_t>(domain.numel());
}

void makeConstant(NodeFacts& facts, float value) {
  facts.role = Role::constant;
  facts.constant = value;
  facts.uniform = true;
  facts.operands[0] = facts.operands[1] = -1;
}

/// A product of 1 × 1 matrices is elementwise over the batch, the matrices' dimensions kept so that operands align.
void simplifyMatmul(NodeFacts& facts, const Shape& a, const Shape& b) {
  const std::optional<MatmulOperands> operands = matmulOperands(a, b);
  if (!operands || operands->rows() != 1 || operands->inner() != 1 || operands->columns() != 1) return;
  Shape domain = operands->batch;
  domain.rank += 2;
  facts.role = Role::elementwise;
  facts.op = Operator::mul;
  setDomain(facts, domain);
}

void analyzeOperator(NodeFacts& facts, const NodeFacts& a, const NodeFacts* b) {
  const NodeFacts& second = b == nullptr ? a : *b;  // read for binary operators only
  facts.role = roleOf(facts.op);
  setDomain(facts, facts.shape);
  const bool uniformOperands = a.uniform && second.uniform;
  switch (facts.op) {
    case Operator::ones_like:
      return makeConstant(facts, 1);
    case Operator::zeros_like:
      return makeConstant(facts, 0);
    case Operator::numel:
      return makeConstant(facts, static_cast<float>(a.elements));
    case Operator::normalize:
      // (x − mean) / std is 0 / 0, or NaN, where all elements are equal: 0 in the end.
      if (a.uniform) makeConstant(facts, 0);
      return;
    case Operator::symeig_ratio:
    case Operator::eig_ratio:
      if (a.shape.rank == 0) makeConstant(facts, 0);
      break;
    case Operator::cosine:
      if (a.shape.rank == 0 || second.shape.rank == 0) makeConstant(facts, 0);
      break;
    case Operator::matmul:
      simplifyMatmul(facts, a.shape, second.shape);
      break;
    case Operator::hamming:
      setDomain(facts, a.elements >= second.elements ? a.shape : second.shape);
      break;
    case Operator::kl_div:
      setDomain(facts, *broadcastShapes(a.shape, second.shape));
      break;
    case Operator::frobenius_norm:
    case Operator::l1_norm:
    case Operator::mean:
      setDomain(facts, a.shape);
      break;
    default:
      break;
  }
  facts.uniform = facts.uniform || facts.elements == 1 || (facts.role == Role::elementwise && uniformOperands);
}

/// Matrices alone have elements to read: a recorded tensor, which may lie elsewhere, is none.
void analyzeElement(NodeFacts& facts, const Population::Dag::Node& node, const NodeFacts& matrix) {
  if (matrix.shape.rank != 2 || node.element() >= matrix.elements) return;
  facts.valid = facts.uniform = true;
  facts.role = Role::element;
  facts.element = matrix.uniform ? 0 : node.element();
  facts.elements = 1;
  facts.operands[0] = node.a;
  setDomain(facts, facts.shape);
}

}  // namespace

std::vector<NodeFacts> analyze(const Population::Dag& dag, const UnitShapes& shapes) {
  std::vector<NodeFacts> all(dag.nodes.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const Population::Dag::Node& node = dag.nodes[i];
    NodeFacts& facts = all[i];
    if (node.isTensor()) {
      facts.shape = shapes.of(static_cast<int>(node.word));
      facts.valid = facts.shape.numel() <= kMaxElements;
      facts.elements = static_cast<size_t>(facts.shape.numel());
      facts.uniform = facts.elements == 1;
      continue;
    }
    const NodeFacts& a = all[static_cast<size_t>(node.a)];
    const NodeFacts* b = node.b < 0 ? nullptr : &all[static_cast<size_t>(node.b)];
    if (!a.valid || (b != nullptr && !b->valid)) continue;
    if (node.isElement()) {
      analyzeElement(facts, node, a);
      continue;
    }
    const std::optional<Shape> shape = resultShape(node.op(), a.shape, b == nullptr ? Shape{} : b->shape);
    if (!shape) continue;
    facts.valid = true;
    facts.op = node.op();
    facts.shape = *shape;
    facts.elements = static_cast<size_t>(shape->numel());
    facts.operands[0] = node.a;
    facts.operands[1] = node.b;
    analyzeOperator(facts, a, b);
  }
  return all;
}

}  // namespace eznas
