#include "native/cuda/population_code.h"

#include <algorithm>
#include <cstring>

#include "kernels/cuda/program_code.h"
#include "native/cuda/device_opcodes.h"
#include "native/cuda/group_places.h"
#include "native/cuda/matrix_code.h"

namespace eznas::cuda {
namespace {

constexpr size_t kAlignment = 16;

bool same(Place a, Place b) { return a.kind == b.kind && a.index == b.index; }

/// Scratch memory that any matrix operation of a group needs at most.
uint64_t largestWork(const Group& group, uint32_t workFloats) {
  uint64_t work = 0;
  for (const MatrixStep& step : group.matrices) work = std::max(work, matrixScratchFloats(step, workFloats));
  return work;
}

class GroupEncoder {
 public:
  GroupEncoder(const Group& group, const GroupSurroundings& around)
      : group_(group),
        around_(around),
        // Spare pairs for the moments that std takes apart.
        places_(around.arenaFloats, largestWork(group, around.workFloats), around.scalars, 2 * group.matrices.size(),
                around.workFloats) {
    result_.bytes.resize(sizeof(GroupCode));
  }

  GroupBytes encode() {
    for (const Step& step : group_.steps) encodeStep(step);
    flushSingles();
    std::vector<OutcomeCode> outcomes;
    for (const UnitPlan::ScalarOutcome& outcome : around_.outcomes)
      outcomes.push_back({outcome.outcome, places_.of(outcome.value)});
    std::vector<ConstantCode> constants;
    for (const UnitPlan::Constant& constant : around_.constants)
      if (places_.hasScalar(constant.scalar)) constants.push_back({places_.ofScalar(constant.scalar), constant.value});
    GroupCode head{};
    head.steps = append(steps_);
    head.stepCount = static_cast<uint32_t>(steps_.size());
    head.constants = append(constants);
    head.constantCount = static_cast<uint32_t>(constants.size());
    head.outcomes = append(outcomes);
    head.outcomeCount = static_cast<uint32_t>(outcomes.size());
    std::memcpy(result_.bytes.data(), &head, sizeof head);
    append<uint32_t>({});  // to the alignment of the next group
    result_.scratchFloats = (places_.scratchFloats() + 63) / 64 * 64;
    return std::move(result_);
  }

 private:
  template <class T>
  uint32_t append(const std::vector<T>& values) {
    std::vector<std::byte>& bytes = result_.bytes;
    bytes.resize((bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
    const size_t at = bytes.size();
    bytes.resize(at + values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(bytes.data() + at, values.data(), values.size() * sizeof(T));
    return static_cast<uint32_t>(at);
  }

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
    places_.releaseStep();
  }

  /// A reduction with room for every thread's running sums.
  ReductionCode reductionCode(ReductionKind kind, uint32_t result) {
    ReductionCode code{};
    code.kind = kind;
    code.result = result;
    code.sums = places_.takeForStep(kind == ReductionKind::moments ? 3 * kSumFloats : kSumFloats);
    code.count = code.divisor = 1;
    return code;
  }
  uint32_t resultPlace(const ReductionStep& step) {
    if (step.kind == Reduction::score) return step.result;
    if (step.kind != Reduction::moments) return places_.ofScalar(step.result);
    return places_.ofPair(step.result);
  }

  void encodeLoop(const TileLoop& loop) {
    const std::vector<Draft> drafts = draft(loop);
    // Slots first: they are read and written more than sums.
    places_.forgetSlots();
    for (size_t i = 0; i < drafts.size(); ++i) {
      const Place out = loop.instructions[i].out;
      if (out.kind == Place::Kind::slot && drafts[i].stored) places_.placeSlot(out.index);
    }
    std::vector<TileInstructionCode> code;
    std::vector<ReductionCode> reductions;
    for (size_t i = 0; i < drafts.size(); ++i) {
      const TileInstruction& from = loop.instructions[i];
      const Draft& how = drafts[i];
      TileInstructionCode to{};
      const auto operand = [&](Place place, OperandMode mode) {
        return mode == OperandMode::last || mode == OperandMode::none ? 0 : places_.of(place);
      };
      to.a = operand(from.a, how.a);
      to.b = operand(from.b, how.b);
      TileOpcode op = opcodeOf(from.op);
      ResultMode result = how.stored ? resultOf(from.out) : ResultMode::none;
      if (how.stored) to.out = places_.of(from.out);
      if (from.kind == TileInstruction::Kind::normalize) {
        op = TileOpcode::normalize;
        to.b = places_.ofScalar(from.detail);
      } else if (from.kind == TileInstruction::Kind::spread) {
        op = TileOpcode::spread;
        to.a = places_.of(from.a);
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
    code.a = places_.of(a);
    code.control = controlWord(op, modeOf(a, count == 1), OperandMode::none, ResultMode::none);
    return code;
  }
  void copyTo(Place out, Place from, size_t count) {
    TileInstructionCode code = plain(TileOpcode::copy, from, count);
    code.out = places_.of(out);
    code.control |= static_cast<uint32_t>(resultOf(out)) << 16;
    addLoop(StepKind::loop, count, {code}, {});
  }
  void gatherTo(Place out, Place from, const Broadcast& how, size_t count) {
    TileInstructionCode code{};
    code.a = places_.of(from);
    code.out = places_.of(out);
    code.detail = append<BroadcastCode>({codeOf(how)});
    code.control = controlWord(TileOpcode::spread, OperandMode::none, OperandMode::none, resultOf(out));
    addLoop(StepKind::loop, count, {code}, {});
  }
  void reduceTo(Place out, Place from, TileOpcode op, ReductionKind kind, size_t count) {
    TileInstructionCode code = plain(op, from, count);
    const bool pair = kind == ReductionKind::moments;
    ReductionCode reduction = reductionCode(kind, pair ? places_.newScalars(2) : places_.of(out));
    reduction.count = static_cast<double>(count);
    code.out = reduction.sums;
    addLoop(StepKind::loop, count, {code}, {reduction});
    if (!pair) return;
    TileInstructionCode take{};
    take.a = reduction.result + 1;
    take.out = places_.of(out);
    take.control = controlWord(TileOpcode::copy, OperandMode::single, OperandMode::none, ResultMode::single);
    singles_.push_back(take);
  }

  // ---- single values ------------------------------------------------------------------------------------------------

  void addSingle(TileOpcode op, uint32_t out, Place a, Place b, uint32_t detail) {
    TileInstructionCode code{};
    code.a = places_.of(a);
    code.b = places_.of(b);
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
    addSingle(TileOpcode::repeated, places_.ofScalar(reduction.result), reduction.a, reduction.b, detail);
  }
  void flushSingles() {
    if (singles_.empty()) return;
    addLoop(StepKind::singles, 1, singles_, {});
    singles_.clear();
  }

  // ---- matrices -----------------------------------------------------------------------------------------------------

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
    MatrixCode code = matrixCode(step);
    code.out = places_.of(step.out);
    code.a = places_.of(step.a);
    code.b = places_.of(step.b);
    code.work = matrixScratchFloats(step, around_.workFloats) == 0 ? 0 : places_.ofMatrices();
    steps_.push_back({StepKind::matrix, append<MatrixCode>({code})});
    result_.cost += matrixCost(step);
  }

  void encodeStep(const Step& step) {
    if (step.kind == Step::Kind::scalar) {
      const ScalarStep& scalar = group_.scalars[step.index];
      return addSingle(opcodeOf(scalar.op), places_.of(scalar.out), scalar.a, scalar.b, 0);
    }
    if (step.kind == Step::Kind::element) {
      const ElementStep& element = group_.elements[step.index];
      addSingle(TileOpcode::copy, places_.of(element.out), element.matrix, {}, 0);
      singles_.back().a += element.element;
      return;
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
  GroupPlaces places_;
  GroupBytes result_;
  std::vector<StepCode> steps_;
  std::vector<TileInstructionCode> singles_;
};

}  // namespace

GroupBytes encodeGroup(const Group& group, const GroupSurroundings& around) {
  return GroupEncoder(group, around).encode();
}

}  // namespace eznas::cuda
