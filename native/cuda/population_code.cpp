#include "native/cuda/population_code.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/cuda/program_code.h"

namespace eznas::cuda {
namespace {

constexpr size_t kAlignment = 16;

bool same(Place a, Place b) { return a.kind == b.kind && a.index == b.index; }

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

struct ReductionCodes {
  TileOpcode opcode;
  ReductionKind kind;
};
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

/// channels_first as a gathering: dimensions of the result that have a size, innermost last.
Broadcast swapped(size_t first, size_t second, size_t inner) {
  const size_t sizes[] = {second, first, inner}, strides[] = {inner, second * inner, 1};
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

class GroupEncoder {
 public:
  GroupEncoder(const Group& group, const GroupSurroundings& around)
      : group_(group), around_(around), scalarAt_(around.scalars, kNowhere) {
    uint64_t work = 0;
    for (const MatrixStep& step : group.matrices) work = std::max(work, workOf(step));
    workAt_ = around.arenaFloats;
    scalarsAt_ = workAt_ + (work + 3) / 4 * 4;
    // Spare pairs for the moments that std takes apart.
    const uint64_t most = around.scalars + 2 * group.matrices.size();
    stepAt_ = scalarsAt_ + (most <= kSharedScalars ? 0 : (most + 3) / 4 * 4);
    scratchEnd_ = stepAt_;
    result_.bytes.resize(sizeof(GroupCode));
  }

  GroupBytes encode() {
    for (const Step& step : group_.steps) encodeStep(step);
    flushSingles();
    std::vector<OutcomeCode> outcomes;
    for (const UnitPlan::ScalarOutcome& outcome : around_.outcomes)
      outcomes.push_back({outcome.outcome, placeOf(outcome.value)});
    std::vector<ConstantCode> constants;
    for (const UnitPlan::Constant& constant : around_.constants)
      if (scalarAt_[constant.scalar] != kNowhere) constants.push_back({scalarAt_[constant.scalar], constant.value});
    GroupCode head{};
    head.steps = append(steps_);
    head.stepCount = static_cast<uint32_t>(steps_.size());
    head.constants = append(constants);
    head.constantCount = static_cast<uint32_t>(constants.size());
    head.outcomes = append(outcomes);
    head.outcomeCount = static_cast<uint32_t>(outcomes.size());
    std::memcpy(result_.bytes.data(), &head, sizeof head);
    append<uint32_t>({});  // to the alignment of the next group
    result_.scratchFloats = (scratchEnd_ + 63) / 64 * 64;
    return std::move(result_);
  }

 private:
  static constexpr uint32_t kNowhere = UINT32_MAX;

  template <class T>
  uint32_t append(const std::vector<T>& values) {
    std::vector<std::byte>& bytes = result_.bytes;
    bytes.resize((bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
    const size_t at = bytes.size();
    bytes.resize(at + values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(bytes.data() + at, values.data(), values.size() * sizeof(T));
    return static_cast<uint32_t>(at);
  }

  // ---- places -------------------------------------------------------------------------------------------------------

  /// `count` scalars next to one another.
  uint32_t newScalars(uint32_t count) {
    const uint32_t at = scalarCount_;
    scalarCount_ += count;
    if (at + count <= kSharedScalars && !scalarsSpilt_) return placeWord(PlaceKind::shared, kScalarFloats + at);
    if (!scalarsSpilt_) {
      scalarsSpilt_ = true;
      scalarCount_ = count;
      return placeWord(PlaceKind::scratch, static_cast<uint32_t>(scalarsAt_));
    }
    return placeWord(PlaceKind::scratch, static_cast<uint32_t>(scalarsAt_ + at));
  }
  uint32_t scalarOf(uint32_t index) {
    if (scalarAt_[index] == kNowhere) scalarAt_[index] = newScalars(1);
    return scalarAt_[index];
  }
  uint32_t placeOf(Place place) {
    switch (place.kind) {
      case Place::Kind::tensor:
        return placeWord(PlaceKind::tensor, place.index);
      case Place::Kind::arena:
        return placeWord(PlaceKind::scratch, place.index * 16);
      case Place::Kind::scalar:
        return scalarOf(place.index);
      case Place::Kind::slot:
        return slotAt_[place.index];
      case Place::Kind::none:
        break;
    }
    return 0;
  }

  /// Memory of one step: shared as long as there is some.
  uint32_t takeForStep(uint32_t floats) {
    if (stepShared_ + floats <= around_.workFloats) {
      stepShared_ += floats;
      return placeWord(PlaceKind::shared, static_cast<uint32_t>(kWorkFloats + stepShared_ - floats));
    }
    const uint64_t at = stepAt_ + stepScratch_;
    stepScratch_ += floats;
    scratchEnd_ = std::max(scratchEnd_, stepAt_ + stepScratch_);
    return placeWord(PlaceKind::scratch, static_cast<uint32_t>(at));
  }
  void releaseStep() { stepShared_ = stepScratch_ = 0; }

  // ---- loops --------------------------------------------------------------------------------------------------------

  static OperandMode modeOf(Place place, bool single) {
    if (single || place.kind == Place::Kind::scalar) return OperandMode::single;
    if (place.kind == Place::Kind::slot) return OperandMode::slot;
    return place.kind == Place::Kind::none ? OperandMode::none : OperandMode::stream;
  }
  static ResultMode resultOf(Place place) {
    switch (place.kind) {
      case Place::Kind::slot:
        return ResultMode::slot;
      case Place::Kind::scalar:
        return ResultMode::single;
      case Place::Kind::none:
        return ResultMode::none;
      default:
        return ResultMode::stream;
    }
  }

  /// An instruction of a loop on the way: how operands are read, given that the value before is in registers.
  struct Draft {
    OperandMode a = OperandMode::none, b = OperandMode::none;
    bool stored = false;
  };

  /// What is read from registers, and which results must be stored for others to read.
  static std::vector<Draft> draft(const TileLoop& loop) {
    std::vector<Draft> drafts;
    std::vector<size_t> writer;  // of each slot
    Place last;
    for (const TileInstruction& instruction : loop.instructions) {
      Draft& now = drafts.emplace_back();
      const auto read = [&](Place place, bool single) {
        const OperandMode mode = modeOf(place, single);
        if (mode == OperandMode::none || mode == OperandMode::single) return mode;
        if (last.kind != Place::Kind::none && same(place, last)) return OperandMode::last;
        if (mode == OperandMode::slot) drafts[writer[place.index]].stored = true;
        return mode;
      };
      if (instruction.kind != TileInstruction::Kind::spread)
        now.a = read(instruction.a, instruction.form == Form::scalarLeft);
      if (instruction.kind != TileInstruction::Kind::normalize && instruction.kind != TileInstruction::Kind::spread)
        now.b = read(instruction.b, instruction.form == Form::scalarRight);
      if (instruction.kind == TileInstruction::Kind::reduce) continue;  // leaves the registers alone
      last = instruction.out;
      now.stored = last.kind != Place::Kind::slot;
      if (last.kind != Place::Kind::slot) continue;
      if (writer.size() <= last.index) writer.resize(last.index + 1);
      writer[last.index] = drafts.size() - 1;
    }
    return drafts;
  }

  void addLoop(StepKind kind, size_t count, const std::vector<TileInstructionCode>& instructions,
               const std::vector<ReductionCode>& reductions) {
    LoopCode loop{};
    loop.count = static_cast<uint32_t>(count);
    loop.instructions = append(instructions);
    loop.instructionCount = static_cast<uint32_t>(instructions.size());
    loop.reductions = append(reductions);
    loop.reductionCount = static_cast<uint32_t>(reductions.size());
    steps_.push_back({kind, append<LoopCode>({loop})});
    result_.cost += static_cast<double>(count) * static_cast<double>(instructions.size());
    releaseStep();
  }

  /// A reduction with room for every thread's running sums.
  ReductionCode reductionCode(ReductionKind kind, uint32_t result) {
    ReductionCode code{};
    code.kind = kind;
    code.result = result;
    code.sums = takeForStep(kind == ReductionKind::moments ? 3 * kSumFloats : kSumFloats);
    code.count = code.divisor = 1;
    return code;
  }
  uint32_t resultPlace(const ReductionStep& step) {
    if (step.kind == Reduction::score) return step.result;
    if (step.kind != Reduction::moments) return scalarOf(step.result);
    scalarAt_[step.result] = newScalars(2);
    scalarAt_[step.result + 1] = scalarAt_[step.result] + 1;
    return scalarAt_[step.result];
  }

  void encodeLoop(const TileLoop& loop) {
    const std::vector<Draft> drafts = draft(loop);
    // Slots first: they are read and written more than sums.
    slotAt_.assign(slotAt_.size(), kNowhere);
    for (size_t i = 0; i < drafts.size(); ++i) {
      const Place out = loop.instructions[i].out;
      if (out.kind != Place::Kind::slot) continue;
      if (slotAt_.size() <= out.index) slotAt_.resize(out.index + 1, kNowhere);
      if (drafts[i].stored && slotAt_[out.index] == kNowhere) slotAt_[out.index] = takeForStep(kTileElements);
    }
    std::vector<TileInstructionCode> code;
    std::vector<ReductionCode> reductions;
    for (size_t i = 0; i < drafts.size(); ++i) {
      const TileInstruction& from = loop.instructions[i];
      const Draft& how = drafts[i];
      TileInstructionCode to{};
      const auto operand = [&](Place place, OperandMode mode) {
        return mode == OperandMode::last || mode == OperandMode::none ? 0 : placeOf(place);
      };
      to.a = operand(from.a, how.a);
      to.b = operand(from.b, how.b);
      TileOpcode op = opcodeOf(from.op);
      ResultMode result = how.stored ? resultOf(from.out) : ResultMode::none;
      if (how.stored) to.out = placeOf(from.out);
      if (from.kind == TileInstruction::Kind::normalize) {
        op = TileOpcode::normalize;
        to.b = scalarOf(from.detail);
      } else if (from.kind == TileInstruction::Kind::spread) {
        op = TileOpcode::spread;
        to.a = placeOf(from.a);
        to.detail = append<BroadcastCode>({codeOf(group_.broadcasts[from.detail])});
      } else if (from.kind == TileInstruction::Kind::reduce) {
        const ReductionStep& reduction = group_.reductions[from.detail];
        const ReductionCodes codes = codesOf(reduction.kind);
        ReductionCode finish = reductionCode(codes.kind, resultPlace(reduction));
        finish.count = reduction.count;
        finish.divisor = reduction.divisor;
        op = codes.opcode;
        to.out = finish.sums;
        result = ResultMode::none;
        reductions.push_back(finish);
      }
      to.control = controlWord(op, how.a, how.b, result);
      code.push_back(to);
    }
    addLoop(StepKind::loop, loop.count, code, reductions);
  }

  /// A loop of one instruction on an operand of `count` elements.
  TileInstructionCode plain(TileOpcode op, Place a, size_t count) {
    TileInstructionCode code{};
    code.a = placeOf(a);
    code.control = controlWord(op, modeOf(a, count == 1), OperandMode::none, ResultMode::none);
    return code;
  }
  void copyTo(Place out, Place from, size_t count) {
    TileInstructionCode code = plain(TileOpcode::copy, from, count);
    code.out = placeOf(out);
    code.control |= static_cast<uint32_t>(resultOf(out)) << 16;
    addLoop(StepKind::loop, count, {code}, {});
  }
  void gatherTo(Place out, Place from, const Broadcast& how, size_t count) {
    TileInstructionCode code{};
    code.a = placeOf(from);
    code.out = placeOf(out);
    code.detail = append<BroadcastCode>({codeOf(how)});
    code.control = controlWord(TileOpcode::spread, OperandMode::none, OperandMode::none, resultOf(out));
    addLoop(StepKind::loop, count, {code}, {});
  }
  void reduceTo(Place out, Place from, TileOpcode op, ReductionKind kind, size_t count) {
    TileInstructionCode code = plain(op, from, count);
    const bool pair = kind == ReductionKind::moments;
    ReductionCode reduction = reductionCode(kind, pair ? newScalars(2) : placeOf(out));
    reduction.count = static_cast<double>(count);
    code.out = reduction.sums;
    addLoop(StepKind::loop, count, {code}, {reduction});
    if (!pair) return;
    TileInstructionCode take{};
    take.a = reduction.result + 1;
    take.out = placeOf(out);
    take.control = controlWord(TileOpcode::copy, OperandMode::single, OperandMode::none, ResultMode::single);
    singles_.push_back(take);
  }

  // ---- single values ------------------------------------------------------------------------------------------------

  void addSingle(TileOpcode op, uint32_t out, Place a, Place b, uint32_t detail) {
    TileInstructionCode code{};
    code.a = placeOf(a);
    code.b = placeOf(b);
    code.out = out;
    code.detail = detail;
    const OperandMode second = b.kind == Place::Kind::none ? OperandMode::none : OperandMode::single;
    code.control = controlWord(op, OperandMode::single, second, ResultMode::single);
    singles_.push_back(code);
  }
  void addRepeated(const ReductionStep& reduction) {
    ReductionCode code{};
    code.kind = codesOf(reduction.kind).kind;
    code.count = reduction.count;
    code.divisor = reduction.divisor;
    const uint32_t detail = append<ReductionCode>({code});
    addSingle(TileOpcode::repeated, scalarOf(reduction.result), reduction.a, reduction.b, detail);
  }
  void flushSingles() {
    if (singles_.empty()) return;
    addLoop(StepKind::singles, 1, singles_, {});
    singles_.clear();
  }

  // ---- matrices -----------------------------------------------------------------------------------------------------

  uint64_t workOf(const MatrixStep& step) const {
    const auto n = static_cast<uint32_t>(step.sizes[0]);
    switch (step.op) {
      case Operator::det:
      case Operator::logdet:
      case Operator::logabsdet:
        return determinantScratchFloats(n, around_.workFloats);
      case Operator::symeig_ratio:
      case Operator::eig_ratio:
        return step.sizes[0] > step.sizes[1] ? 0 : gramScratchFloats(n, around_.workFloats);
      case Operator::gram:
      case Operator::spectral_entropy:
      case Operator::participation_ratio:
        return gramScratchFloats(n, around_.workFloats);
      case Operator::covariance:
        return gramScratchFloats(n, around_.workFloats) + uint64_t{n} * step.sizes[1];
      default:
        return 0;
    }
  }

  static double costOf(const MatrixStep& step) {
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

  void encodeMatrix(const MatrixStep& step) {
    const size_t count = step.sizes[0];
    switch (step.op) {
      case Operator::flatten:
        return copyTo(step.out, step.a, count);
      case Operator::channels_first:
        return gatherTo(step.out, step.a, swapped(step.sizes[0], step.sizes[1], step.sizes[2]),
                        step.sizes[0] * step.sizes[1] * step.sizes[2]);
      case Operator::std:
        return reduceTo(step.out, step.a, TileOpcode::moments, ReductionKind::moments, count);
      case Operator::min:
        return reduceTo(step.out, step.a, TileOpcode::smallest, ReductionKind::smallest, count);
      case Operator::max:
        return reduceTo(step.out, step.a, TileOpcode::largest, ReductionKind::largest, count);
      case Operator::count_nonzero:
        return reduceTo(step.out, step.a, TileOpcode::nonzeros, ReductionKind::nonzeros, count);
      default:
        break;
    }
    MatrixCode code{};
    code.op = matrixOpcodeOf(step.op);
    code.out = placeOf(step.out);
    code.a = placeOf(step.a);
    code.b = placeOf(step.b);
    code.work = workOf(step) == 0 ? 0 : placeWord(PlaceKind::scratch, static_cast<uint32_t>(workAt_));
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
    steps_.push_back({StepKind::matrix, append<MatrixCode>({code})});
    result_.cost += costOf(step);
  }

  void encodeStep(const Step& step) {
    if (step.kind == Step::Kind::scalar) {
      const ScalarStep& scalar = group_.scalars[step.index];
      return addSingle(opcodeOf(scalar.op), placeOf(scalar.out), scalar.a, scalar.b, 0);
    }
    if (step.kind == Step::Kind::repeated) return addRepeated(group_.reductions[step.index]);
    if (step.kind == Step::Kind::finish) return;  // belongs to its loop
    flushSingles();
    if (step.kind == Step::Kind::loop) return encodeLoop(group_.loops[step.index]);
    if (step.kind == Step::Kind::matrix) return encodeMatrix(group_.matrices[step.index]);
    const FillStep& fill = group_.fills[step.index];
    copyTo(fill.out, fill.value, fill.count);
  }

  const Group& group_;
  const GroupSurroundings& around_;
  GroupBytes result_;
  std::vector<StepCode> steps_;
  std::vector<TileInstructionCode> singles_;
  std::vector<uint32_t> scalarAt_, slotAt_;  // places; of slots in the loop at hand
  uint32_t scalarCount_ = 0;                 // where the last stand
  bool scalarsSpilt_ = false;
  // Scratch memory: the arena, what matrix operations need, scalars beyond shared memory, and what one step needs.
  uint64_t workAt_ = 0, scalarsAt_ = 0, stepAt_ = 0, scratchEnd_ = 0;
  uint64_t stepShared_ = 0, stepScratch_ = 0;
};

}  // namespace

GroupBytes encodeGroup(const Group& group, const GroupSurroundings& around) {
  return GroupEncoder(group, around).encode();
}

}  // namespace eznas::cuda
