// The second half of GroupCompiler: stages become steps, values get their places.
#include <algorithm>
#include <optional>
#include <string>

#include "native/core/group_compiler.h"
#include "native/core/shape_rules.h"

namespace eznas {
namespace {

/// How `operand`, of shape `from`, spreads over `to` (aligned at the last dimension); neighbouring dimensions that are
/// both repeated, or contiguous, become one.
Broadcast broadcastOf(const Shape& from, const Shape& to) {
  Broadcast result;
  int used = 3;  // next free place, from the innermost
  size_t contiguous = 1;
  for (int i = 0; i < to.rank; ++i) {
    const int64_t size = to.dims[to.rank - 1 - i];
    const int64_t own = i < from.rank ? from.dims[from.rank - 1 - i] : 1;
    if (size == 1) continue;
    const size_t stride = own == 1 ? 0 : contiguous;
    contiguous *= static_cast<size_t>(own);
    if (used < 3) {
      const size_t innerSize = result.sizes[used + 1], innerStride = result.strides[used + 1];
      if (stride == innerStride * innerSize && (stride == 0) == (innerStride == 0)) {
        result.sizes[used + 1] = innerSize * static_cast<size_t>(size);
        continue;
      }
    }
    result.sizes[used] = static_cast<size_t>(size);
    result.strides[used] = stride;
    --used;
  }
  return result;
}

/// Strides of a matmul operand along the two batch dimensions of `batch`, in floats.
void setBatchStrides(const Shape& operand, const Shape& batch, size_t matrix, size_t (&strides)[2]) {
  size_t contiguous = matrix;
  const int own = operand.rank - 2;
  for (int i = 0; i < batch.rank; ++i) {
    const int64_t size = i < own ? operand.dims[own - 1 - i] : 1;
    strides[1 - i] = size == 1 ? 0 : contiguous;
    contiguous *= static_cast<size_t>(size);
  }
}

MatmulShape matmulShapeOf(const MatmulOperands& operands) {
  MatmulShape shape{.m = static_cast<size_t>(operands.rows()),
                    .k = static_cast<size_t>(operands.inner()),
                    .n = static_cast<size_t>(operands.columns())};
  for (int i = 0; i < operands.batch.rank; ++i)
    shape.batch[1 - i] = static_cast<size_t>(operands.batch.dims[operands.batch.rank - 1 - i]);
  setBatchStrides(operands.left, operands.batch, shape.m * shape.k, shape.strideA);
  setBatchStrides(operands.right, operands.batch, shape.k * shape.n, shape.strideB);
  return shape;
}

RowPairs rowPairsOf(const NodeFacts& a, const NodeFacts& b) {
  const Shape left = asRows(a.shape), right = asRows(b.shape);
  RowPairs pairs;
  pairs.rows = static_cast<size_t>(std::max(left.dims[0], right.dims[0]));
  pairs.length = static_cast<size_t>(std::max(left.dims[1], right.dims[1]));
  const auto set = [](const NodeFacts& x, const Shape& rows, size_t& rowStride, size_t& stride) {
    stride = x.uniform || rows.dims[1] == 1 ? 0 : 1;
    rowStride = x.uniform || rows.dims[0] == 1 ? 0 : static_cast<size_t>(rows.dims[1]);
  };
  set(a, left, pairs.rowStrideA, pairs.strideA);
  set(b, right, pairs.rowStrideB, pairs.strideB);
  return pairs;
}

/// Outer, axis and inner extents: dimension 0 for 0-, 1- and 3-d, else dimension 1.
void setSoftmaxSizes(const Shape& shape, size_t (&sizes)[3]) {
  const int axis = shape.rank == 2 || shape.rank == 4 ? 1 : 0;
  sizes[0] = sizes[1] = sizes[2] = 1;
  for (int i = 0; i < shape.rank; ++i) sizes[i < axis ? 0 : i == axis ? 1 : 2] *= static_cast<size_t>(shape.dims[i]);
}

Reduction reductionKind(Operator op) {
  switch (op) {
    case Operator::mean:
      return Reduction::mean;
    case Operator::l1_norm:
      return Reduction::l1Norm;
    case Operator::frobenius_norm:
      return Reduction::frobeniusNorm;
    case Operator::hamming:
      return Reduction::hamming;
    default:
      return Reduction::divergence;
  }
}

}  // namespace

void GroupCompiler::emit() {
  for (const Stage& stage : stages_) {
    if (stage.elements > 0)
      emitLoop(stage);
    else
      emitOutside(stage.items.front().node);
    for (const int32_t node : stage.released) arena_.release(local(node).place.index, state_.of(node).elements);
  }
}

void GroupCompiler::addStep(Step::Kind kind, size_t index) {
  group_.steps.push_back({kind, static_cast<uint32_t>(index)});
}

Place GroupCompiler::takeSlot() {
  if (freeSlots_.empty()) {
    slots_ = std::max(slots_, usedSlots_ + 1);
    return {Place::Kind::slot, usedSlots_++};
  }
  const uint32_t slot = freeSlots_.back();
  freeSlots_.pop_back();
  return {Place::Kind::slot, slot};
}

void GroupCompiler::emitLoop(const Stage& stage) {
  freeSlots_.clear();
  usedSlots_ = 0;
  for (size_t i = 0; i < stage.items.size(); ++i) {
    const Item& item = stage.items[i];
    if (isLocal(item.node)) local(item.node).lastItem = i;
    if (item.kind == Item::Kind::score) continue;
    for (const int32_t operand : state_.of(item.node).operands)
      if (operand >= 0 && isLocal(operand)) local(operand).lastItem = i;
  }
  TileLoop loop{.count = stage.elements, .instructions = {}};
  std::vector<uint32_t> finished;
  for (size_t i = 0; i < stage.items.size(); ++i) {
    const Item& item = stage.items[i];
    if (item.kind == Item::Kind::value && state_.of(item.node).role != Role::reduction)
      emitValue(loop, item.node, i);
    else
      finished.push_back(emitReduction(loop, item, i));
  }
  group_.loops.push_back(std::move(loop));
  addStep(Step::Kind::loop, group_.loops.size() - 1);
  for (const uint32_t reduction : finished) addStep(Step::Kind::finish, reduction);
}

void GroupCompiler::addInstruction(TileLoop& loop, TileInstruction instruction) {
  const auto isFirst = [&](Place place, bool streamed) {
    if (place.kind != Place::Kind::tensor || !streamed) return false;
    const uint32_t bit = 1u << place.index;
    const bool first = (tensorsRead_ & bit) == 0;
    tensorsRead_ |= bit;
    return first;
  };
  const bool isSpread = instruction.kind == TileInstruction::Kind::spread;
  instruction.fetchA = isFirst(instruction.a, !isSpread && instruction.form != Form::scalarLeft);
  instruction.fetchB = isFirst(instruction.b, instruction.form != Form::scalarRight);
  loop.instructions.push_back(instruction);
}

/// Where a loop reads an operand; one with fewer elements is first spread into a slot.
Place GroupCompiler::operandInLoop(TileLoop& loop, const NodeFacts& user, int32_t operand) {
  if (operand < 0) return {};
  if (!needsSpread(user, operand)) return placeOf(operand);
  const Place slot = takeSlot();
  temporarySlots_.push_back(slot.index);
  group_.broadcasts.push_back(broadcastOf(state_.of(operand).shape, user.domain));
  addInstruction(loop, {.kind = TileInstruction::Kind::spread,
                        .out = slot,
                        .a = placeOf(operand),
                        .b = {},
                        .detail = static_cast<uint32_t>(group_.broadcasts.size() - 1)});
  return slot;
}

/// Frees the slots of operands that item number `item` was the last to read, before its own value takes one.
void GroupCompiler::releaseSlots(const NodeFacts& user, size_t item) {
  freeSlots_.insert(freeSlots_.end(), temporarySlots_.begin(), temporarySlots_.end());
  temporarySlots_.clear();
  for (const int32_t operand : user.operands) {
    if (operand < 0 || !isLocal(operand) || (operand == user.operands[0] && &operand != &user.operands[0])) continue;
    const Local& value = local(operand);
    if (value.place.kind == Place::Kind::slot && value.lastItem == item) freeSlots_.push_back(value.place.index);
  }
}

void GroupCompiler::emitValue(TileLoop& loop, int32_t node, size_t item) {
  const NodeFacts& facts = state_.of(node);
  TileInstruction instruction{.kind = TileInstruction::Kind::unary, .op = facts.op, .out = {}, .a = {}, .b = {}};
  instruction.a = operandInLoop(loop, facts, facts.operands[0]);
  instruction.b = operandInLoop(loop, facts, facts.operands[1]);
  if (facts.role == Role::normalize) {
    instruction.kind = TileInstruction::Kind::normalize;
    instruction.detail = local(node).moments;
  } else if (facts.operands[1] >= 0) {
    instruction.kind = TileInstruction::Kind::binary;
    if (state_.of(facts.operands[1]).uniform) instruction.form = Form::scalarRight;
    if (state_.of(facts.operands[0]).uniform) instruction.form = Form::scalarLeft;
  }
  releaseSlots(facts, item);
  local(node).place = local(node).stored ? newArena(facts.elements) : takeSlot();
  instruction.out = local(node).place;
  addInstruction(loop, instruction);
}

/// The reduction that an item stands for, with its scalars or outcome.
ReductionStep GroupCompiler::reductionOf(const Item& item, Place a, Place b) {
  const NodeFacts& facts = state_.of(item.node);
  ReductionStep step{.a = a, .b = b, .count = static_cast<double>(facts.domainElements)};
  if (item.kind == Item::Kind::score) {
    step.kind = Reduction::score;
    step.count = static_cast<double>(facts.elements);
    step.result = static_cast<uint32_t>(state_.outcome[static_cast<size_t>(item.node)]);
    return step;
  }
  if (item.kind == Item::Kind::moments) {
    step.kind = Reduction::moments;
    step.result = local(item.node).moments = newScalar().index;
    newScalar();
    return step;
  }
  step.kind = reductionKind(facts.op);
  if (facts.operands[1] >= 0) {
    if (state_.of(facts.operands[1]).uniform) step.form = Form::scalarRight;
    if (state_.of(facts.operands[0]).uniform) step.form = Form::scalarLeft;
  }
  const Shape& first = state_.of(facts.operands[0]).shape;
  if (step.kind == Reduction::divergence && first.rank > 0) step.divisor = static_cast<double>(first.dims[0]);
  local(item.node).place = newScalar();
  step.result = local(item.node).place.index;
  return step;
}

uint32_t GroupCompiler::emitReduction(TileLoop& loop, const Item& item, size_t position) {
  const NodeFacts& facts = state_.of(item.node);
  const auto index = static_cast<uint32_t>(group_.reductions.size());
  Place a, b;
  if (item.kind == Item::Kind::score) {
    a = placeOf(item.node);
    if (a.kind == Place::Kind::slot && local(item.node).lastItem == position) freeSlots_.push_back(a.index);
  } else {
    a = operandInLoop(loop, facts, facts.operands[0]);
    if (item.kind == Item::Kind::value) b = operandInLoop(loop, facts, facts.operands[1]);
    releaseSlots(facts, position);
  }
  group_.reductions.push_back(reductionOf(item, a, b));
  addInstruction(loop, {.kind = TileInstruction::Kind::reduce,
                        .form = group_.reductions.back().form,
                        .out = {},
                        .a = a,
                        .b = b,
                        .detail = index});
  return index;
}

void GroupCompiler::emitOutside(int32_t node) {
  const NodeFacts& facts = state_.of(node);
  if (facts.role == Role::matrix) return emitMatrix(node);
  const Place a = placeOf(facts.operands[0]);
  const Place b = facts.operands[1] < 0 ? Place{} : placeOf(facts.operands[1]);
  if (facts.role == Role::reduction) {
    group_.reductions.push_back(reductionOf({Item::Kind::value, node}, a, b));
    addStep(Step::Kind::repeated, group_.reductions.size() - 1);
    return;
  }
  local(node).place = newScalar();
  if (facts.role == Role::element) {
    group_.elements.push_back({.out = local(node).place, .matrix = a, .element = facts.element});
    addStep(Step::Kind::element, group_.elements.size() - 1);
    return;
  }
  group_.scalars.push_back({.op = facts.op, .out = local(node).place, .a = a, .b = b});
  addStep(Step::Kind::scalar, group_.scalars.size() - 1);
}

/// Where a matrix operation finds its operand as a whole tensor.
Place GroupCompiler::matrixOperand(int32_t node) {
  const NodeFacts& facts = state_.of(node);
  if (!facts.uniform || facts.elements == 1) return placeOf(node);
  const Place filled = newArena(facts.elements);
  temporaryArena_.emplace_back(filled.index, facts.elements);
  group_.fills.push_back({.out = filled, .value = placeOf(node), .count = facts.elements});
  addStep(Step::Kind::fill, group_.fills.size() - 1);
  return filled;
}

void GroupCompiler::emitMatrix(int32_t node) {
  const NodeFacts& facts = state_.of(node);
  const NodeFacts& first = state_.of(facts.operands[0]);
  MatrixStep step{.op = facts.op, .out = {}, .a = {}, .b = {}, .matmul = {}, .rows = {}};
  const auto size = [&](int i) { return static_cast<size_t>(first.shape.dims[i]); };
  if (facts.op == Operator::cosine) {
    step.rows = rowPairsOf(first, state_.of(facts.operands[1]));
    step.a = placeOf(facts.operands[0]);
    step.b = placeOf(facts.operands[1]);
  } else {
    step.a = matrixOperand(facts.operands[0]);
    if (facts.operands[1] >= 0) step.b = matrixOperand(facts.operands[1]);
  }
  switch (facts.op) {
    case Operator::matmul:
      step.matmul = matmulShapeOf(*matmulOperands(first.shape, state_.of(facts.operands[1]).shape));
      break;
    case Operator::det:
    case Operator::logdet:
      step.sizes[0] = size(first.shape.rank - 1);
      step.sizes[1] = facts.elements;
      scratchFloats_ = std::max(scratchFloats_, determinantScratch(step.sizes[0]));
      break;
    case Operator::symeig_ratio:
    case Operator::eig_ratio:
      step.sizes[0] = size(0);
      step.sizes[1] = first.elements / step.sizes[0];
      scratchFloats_ = std::max(scratchFloats_, gramScratch(step.sizes[0]));
      break;
    case Operator::gram:
    case Operator::covariance:
    case Operator::spectral_entropy:
    case Operator::participation_ratio:
      step.sizes[0] = size(0);
      step.sizes[1] = first.elements / step.sizes[0];
      scratchFloats_ = std::max(scratchFloats_,
                                gramScratch(step.sizes[0]) + (facts.op == Operator::covariance ? first.elements : 0));
      break;
    case Operator::logabsdet:
      step.sizes[0] = size(first.shape.rank - 1);
      step.sizes[1] = facts.elements;
      scratchFloats_ = std::max(scratchFloats_, gramScratch(step.sizes[0]));
      break;
    case Operator::channels_first:
      step.sizes[0] = size(0);
      step.sizes[1] = size(1);
      step.sizes[2] = first.elements / (step.sizes[0] * step.sizes[1]);
      break;
    case Operator::flatten:
    case Operator::std:
    case Operator::min:
    case Operator::max:
    case Operator::count_nonzero:
      step.sizes[0] = first.elements;
      break;
    case Operator::softmax:
      setSoftmaxSizes(first.shape, step.sizes);
      scratchFloats_ = std::max(scratchFloats_, kSoftmaxScratch);
      break;
    default:
      break;
  }
  step.out = facts.uniform ? newScalar() : newArena(facts.elements);
  local(node).place = step.out;
  group_.matrices.push_back(step);
  addStep(Step::Kind::matrix, group_.matrices.size() - 1);
  for (const auto& [line, floats] : temporaryArena_) arena_.release(line, floats);
  temporaryArena_.clear();
}

}  // namespace eznas
