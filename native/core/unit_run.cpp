#include "native/core/unit_run.h"

#include <algorithm>
#include <cmath>

namespace eznas {
namespace {

void grow(Buffer& buffer, size_t floats) {
  if (buffer.size() >= floats) return;
  buffer = Buffer();
  buffer = Buffer(floats);
}

template <class Kernel>
Kernel pick(Form form, Kernel vectors, Kernel scalarRight, Kernel scalarLeft) {
  return form == Form::vectors ? vectors : form == Form::scalarRight ? scalarRight : scalarLeft;
}

/// Asks for a recorded tensor's next tile while this one's arithmetic goes on: tensors stream from memory, a page each
/// in turn, too short for the hardware to see it coming.
void prefetch(const float* p, size_t floats) {
  for (size_t i = 0; i < floats; i += 16) __builtin_prefetch(p + i, 0, 2);
}

}  // namespace

const std::vector<double>& UnitRunner::run(const UnitPlan& plan, const UnitStatistics& unit) {
  reserve(plan);
  unit_ = &unit;
  outcomes_.assign(plan.outcomes, 0.0);
  for (const UnitPlan::Constant& constant : plan.constants) scalars_.data()[constant.scalar] = constant.value;
  for (const Group& group : plan.groups) runGroup(group);
  for (const UnitPlan::ScalarOutcome& root : plan.scalarOutcomes)
    outcomes_[root.outcome] = static_cast<double>(*address(root.value));
  return outcomes_;
}

void UnitRunner::reserve(const UnitPlan& plan) {
  grow(arena_, plan.arenaFloats);
  grow(scratch_, plan.scratchFloats);
  grow(slots_, plan.slots * kTile);
  grow(scalars_, plan.scalars);
  if (sums_.size() < plan.reductions) sums_.resize(plan.reductions);
}

float* UnitRunner::address(Place place) {
  switch (place.kind) {
    case Place::Kind::tensor:
      // Recorded tensors are only ever operands.
      return const_cast<float*>(unit_->tensors[place.index]);
    case Place::Kind::arena:
      return arena_.data() + size_t{place.index} * 16;
    case Place::Kind::slot:
      return slots_.data() + size_t{place.index} * kTile;
    case Place::Kind::scalar:
      return scalars_.data() + place.index;
    case Place::Kind::none:
      break;
  }
  return nullptr;
}

size_t UnitRunner::stepOf(Place place) {
  return place.kind == Place::Kind::tensor || place.kind == Place::Kind::arena ? 1 : 0;
}

void UnitRunner::runGroup(const Group& group) {
  std::fill_n(sums_.begin(), group.reductions.size(), ReductionSums{});
  for (const Step& step : group.steps) {
    switch (step.kind) {
      case Step::Kind::loop:
        runLoop(group, group.loops[step.index]);
        break;
      case Step::Kind::finish:
        finish(group.reductions[step.index], sums_[step.index], 1);
        break;
      case Step::Kind::repeated: {
        const ReductionStep& reduction = group.reductions[step.index];
        accumulate(reduction, sums_[step.index], address(reduction.a), address(reduction.b), 1);
        finish(reduction, sums_[step.index], reduction.count);
        break;
      }
      case Step::Kind::scalar: {
        const ScalarStep& scalar = group.scalars[step.index];
        const auto op = static_cast<size_t>(scalar.op);
        if (scalar.b.kind == Place::Kind::none)
          kernels_.unary[op](address(scalar.out), address(scalar.a), 1);
        else
          kernels_.binary[op].vectors(address(scalar.out), address(scalar.a), address(scalar.b), 1);
        break;
      }
      case Step::Kind::element: {
        const ElementStep& element = group.elements[step.index];
        *address(element.out) = address(element.matrix)[element.element];
        break;
      }
      case Step::Kind::fill: {
        const FillStep& fill = group.fills[step.index];
        kernels_.spread(address(fill.out), address(fill.value), {.sizes = {1, 1, 1, fill.count}}, 0, fill.count);
        break;
      }
      case Step::Kind::matrix:
        runMatrix(group.matrices[step.index]);
        break;
    }
  }
}

void UnitRunner::runLoop(const Group& group, const TileLoop& loop) {
  resolved_.clear();
  for (const TileInstruction& instruction : loop.instructions) {
    Resolved r{.instruction = &instruction,
               .out = address(instruction.out),
               .a = address(instruction.a),
               .b = address(instruction.b),
               .outStep = stepOf(instruction.out),
               .aStep = stepOf(instruction.a),
               .bStep = stepOf(instruction.b)};
    // What stays in place while tiles advance: a scalar, though it may be a recorded tensor of one element, and the
    // compact operand of a spread.
    if (instruction.form == Form::scalarLeft || instruction.kind == TileInstruction::Kind::spread) r.aStep = 0;
    if (instruction.form == Form::scalarRight) r.bStep = 0;
    resolved_.push_back(r);
  }
  for (size_t begin = 0; begin < loop.count; begin += kTile) {
    const size_t count = std::min(kTile, loop.count - begin);
    const size_t ahead = std::min(kTile, loop.count - begin - count);
    for (const Resolved& r : resolved_) {
      runTile(group, r, begin, count);
      if (r.instruction->fetchA) prefetch(r.a + begin + kTile, ahead);
      if (r.instruction->fetchB) prefetch(r.b + begin + kTile, ahead);
    }
  }
}

void UnitRunner::runTile(const Group& group, const Resolved& r, size_t begin, size_t count) {
  const TileInstruction& instruction = *r.instruction;
  float* out = r.out + begin * r.outStep;
  const float* a = r.a + begin * r.aStep;
  const float* b = r.b + begin * r.bStep;
  const auto op = static_cast<size_t>(instruction.op);
  switch (instruction.kind) {
    case TileInstruction::Kind::unary:
      kernels_.unary[op](out, a, count);
      break;
    case TileInstruction::Kind::binary: {
      const ProgramKernels::BinaryRow& row = kernels_.binary[op];
      pick(instruction.form, row.vectors, row.scalarRight, row.scalarLeft)(out, a, b, count);
      break;
    }
    case TileInstruction::Kind::normalize: {
      const float* moments = scalars_.data() + instruction.detail;
      kernels_.normalize(out, a, moments[0], moments[1], count);
      break;
    }
    case TileInstruction::Kind::spread:
      kernels_.spread(out, a, group.broadcasts[instruction.detail], begin, count);
      break;
    case TileInstruction::Kind::reduce: {
      ReductionSums& sums = sums_[instruction.detail];
      if (begin == 0) sums.shift = static_cast<double>(*a);
      accumulate(group.reductions[instruction.detail], sums, a, b, count);
      break;
    }
  }
}

void UnitRunner::accumulate(const ReductionStep& reduction, ReductionSums& sums, const float* a, const float* b,
                            size_t count) {
  switch (reduction.kind) {
    case Reduction::score:
    case Reduction::mean:
      return kernels_.sum(sums, a, count);
    case Reduction::l1Norm:
      return kernels_.sumMagnitudes(sums, a, count);
    case Reduction::frobeniusNorm:
      return kernels_.sumSquares(sums, a, count);
    case Reduction::moments:
      return kernels_.moments(sums, a, count);
    case Reduction::hamming:
    case Reduction::divergence: {
      const ProgramKernels::PairRow& row =
          reduction.kind == Reduction::hamming ? kernels_.hamming : kernels_.divergence;
      return pick(reduction.form, row.vectors, row.scalarRight, row.scalarLeft)(sums, a, b, count);
    }
  }
}

void UnitRunner::finish(const ReductionStep& reduction, const ReductionSums& sums, double repeats) {
  const double total = ReductionSums::total(sums.first) * repeats;
  float* result = scalars_.data() + reduction.result;
  switch (reduction.kind) {
    case Reduction::score:
      outcomes_[reduction.result] = total / reduction.count;
      break;
    case Reduction::mean:
    case Reduction::l1Norm:
      *result = static_cast<float>(total / reduction.count);
      break;
    case Reduction::frobeniusNorm:
      *result = static_cast<float>(std::sqrt(total));
      break;
    case Reduction::moments: {
      const double squares = ReductionSums::total(sums.second) - total * total / reduction.count;
      // Rounding may leave a negative variance; NaN must stay NaN.
      const double variance = (squares < 0 ? 0 : squares) / (reduction.count - 1);
      result[0] = static_cast<float>(sums.shift + total / reduction.count);
      result[1] = static_cast<float>(std::sqrt(variance));
      break;
    }
    case Reduction::hamming:
      *result = static_cast<float>(total);
      break;
    case Reduction::divergence:
      *result = static_cast<float>(total / reduction.divisor);
      break;
  }
}

void UnitRunner::runMatrix(const MatrixStep& step) {
  float* out = address(step.out);
  const float* a = address(step.a);
  const float* b = address(step.b);
  const size_t(&sizes)[3] = step.sizes;
  if (step.op == Operator::softmax && step.a.kind == Place::Kind::tensor)
    prefetch(a, std::min(sizes[0] * sizes[1] * sizes[2], 16 * kTile));
  switch (step.op) {
    case Operator::matmul:
      kernels_.matmul(a, b, out, step.matmul);
      break;
    case Operator::det:
    case Operator::logdet:
      kernels_.determinants(a, sizes[0], sizes[1], step.op == Operator::logdet, out, scratch_.data());
      break;
    case Operator::symeig_ratio:
    case Operator::eig_ratio:
      *out = kernels_.gramRatio(a, sizes[0], sizes[1], scratch_.data());
      break;
    case Operator::gram:
    case Operator::covariance:
      kernels_.gram(a, sizes[0], sizes[1], step.op == Operator::covariance, out, scratch_.data());
      break;
    case Operator::logabsdet:
      kernels_.logAbsDeterminants(a, sizes[0], sizes[1], out, scratch_.data());
      break;
    case Operator::spectral_entropy:
      *out = kernels_.spectralEntropy(a, sizes[0], sizes[1], scratch_.data());
      break;
    case Operator::participation_ratio:
      *out = kernels_.participationRatio(a, sizes[0], sizes[1], scratch_.data());
      break;
    case Operator::channels_first:
      kernels_.swapLeading(a, sizes[0], sizes[1], sizes[2], out);
      break;
    case Operator::flatten:
      std::copy_n(a, sizes[0], out);
      break;
    case Operator::std:
    case Operator::min:
    case Operator::max:
    case Operator::count_nonzero:
      *out = kernels_.summary(kernels_, step.op, a, sizes[0]);
      break;
    case Operator::softmax:
      kernels_.softmax(a, out, sizes[0], sizes[1], sizes[2], scratch_.data());
      break;
    case Operator::cosine:
      *out = static_cast<float>(kernels_.cosine(a, b, step.rows));
      break;
    default:
      break;
  }
}

}  // namespace eznas
