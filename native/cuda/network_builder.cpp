#include "native/cuda/network_builder.h"

#include <algorithm>
#include <bit>
#include <string>

#include "native/core/arena_layout.h"
#include "native/core/error.h"

namespace eznas::cuda {
namespace {

constexpr size_t kAlignment = 16;  // floats
size_t aligned(size_t floats) { return (floats + kAlignment - 1) / kAlignment * kAlignment; }

bool sameShape(const ConvShape& a, const ConvShape& b) {
  return a.inChannels == b.inChannels && a.outChannels == b.outChannels && a.groups == b.groups &&
         a.kernelH == b.kernelH && a.kernelW == b.kernelW && a.strideH == b.strideH && a.strideW == b.strideW &&
         a.padH == b.padH && a.padW == b.padW && a.dilationH == b.dilationH && a.dilationW == b.dilationW;
}

}  // namespace

ParameterLayout::ParameterLayout(const Graph& graph) {
  for (const Parameter& parameter : graph.parameters) {
    offsets.push_back(floats);
    floats += aligned(parameter.size);
  }
}

bool isDepthwise(const ConvShape& s) { return s.groups > 1 && s.groups == s.inChannels && s.groups == s.outChannels; }

StepKey convKey(Op op, const ConvShape& s, int h, int w, bool relu, int phase) {
  return {op,
          {s.inChannels, s.outChannels, s.groups, s.kernelH, s.kernelW, s.strideH, s.strideW, s.padH, s.padW,
           s.dilationH, s.dilationW, h, w, relu ? 1 : 0, phase}};
}

ConvShape convShapeOf(const StepKey& key) {
  const auto& s = key.shape;
  return {s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9], s[10]};
}

ProgramBuilder::ProgramBuilder(const Graph& graph, const Plan& plan, int batch)
    : graph_(graph),
      plan_(plan),
      batch_(batch),
      parameters_(graph),
      weightOf_(graph.nodes.size(), -1),
      geometryOf_(graph.nodes.size(), -1) {
  for (size_t p = 0; p < graph.parameters.size(); ++p)
    if (graph.parameters[p].role == Parameter::Role::weight || graph.parameters[p].role == Parameter::Role::scale)
      weightOf_[static_cast<size_t>(graph.parameters[p].node)] = static_cast<int>(p);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const SampleShape& s = graph.nodes[i].shape;
    // Kernels number a map's elements, and the pixels of its padded images, by 31 bits.
    if (static_cast<double>(s.c) * s.h * s.w * batch >= 2147483647.0)
      throw Error(code::kTooLarge, "node " + std::to_string(i) + ": its feature maps of " + std::to_string(batch) +
                                       "×" + std::to_string(s.c) + "×" + std::to_string(s.h) + "×" +
                                       std::to_string(s.w) + " have 2^31 numbers or more; take a smaller batch");
  }
  // About what cells of separated nodes become.
  program_.steps.reserve(graph.nodes.size());
  program_.buffers.reserve(2 * graph.nodes.size());
  program_.terms.reserve(graph.nodes.size());
  written_.reserve(2 * graph.nodes.size());
  if (parameters_.floats > 0xffffffffu)
    throw Error(code::kTooLarge, "its parameters of " + std::to_string(parameters_.floats) + " numbers are over 2^32");
  parameterBuffer_ = buffer(parameters_.floats, Room::parameters).buffer;
}

size_t ProgramBuilder::volume(int value) const {
  return static_cast<size_t>(batch_) * static_cast<size_t>(channels(value)) * static_cast<size_t>(pixels(value));
}

Operand ProgramBuilder::buffer(size_t floats, Room room) {
  program_.buffers.push_back({floats, room, -1, -1, 0});
  written_.emplace_back();
  return {static_cast<int32_t>(program_.buffers.size()) - 1, 0};
}

Operand ProgramBuilder::zeros(size_t floats) {
  if (zeroBuffer_ < 0) zeroBuffer_ = buffer(0, Room::zeros).buffer;
  size_t& size = program_.buffers[static_cast<size_t>(zeroBuffer_)].floats;
  size = std::max(size, floats);
  return {zeroBuffer_, 0};
}

void ProgramBuilder::record(int unit, Kind kind, Operand recorded) {
  setRecorded(recorded);
  program_.records.push_back(
      {unit, static_cast<uint32_t>(std::countr_zero(static_cast<uint32_t>(kind))), recorded.buffer});
}

void ProgramBuilder::touch(int32_t index, int time) {
  Buffer& b = program_.buffers[static_cast<size_t>(index)];
  b.firstStep = b.firstStep < 0 ? time : std::min(b.firstStep, time);
  b.lastStep = std::max(b.lastStep, time);
}

Step& ProgramBuilder::emit(Op op, std::initializer_list<int32_t> shape, std::initializer_list<Operand> reads,
                           std::initializer_list<Operand> writes) {
  StepKey key;
  key.op = op;
  std::copy(shape.begin(), shape.end(), key.shape.begin());
  return emit(key, reads, writes);
}

Step& ProgramBuilder::emit(const StepKey& key, std::initializer_list<Operand> reads,
                           std::initializer_list<Operand> writes) {
  Step step;
  step.key = key;
  step.backward = backward_;
  place(step, {reads.begin(), reads.end()}, {writes.begin(), writes.end()});
  program_.steps.push_back(step);
  return program_.steps.back();
}

void ProgramBuilder::place(Step& step, std::span<const Operand> reads, std::span<const Operand> writes) {
  const auto levelOf = [&](const Operand& operand) -> int& {
    Written& by = written_[static_cast<size_t>(operand.buffer)];
    return backward_ ? by.backward : by.forward;
  };
  for (const Operand& read : reads)
    if (read) step.level = std::max(step.level, levelOf(read) + 1);
  int& levels = backward_ ? program_.backwardLevels : program_.forwardLevels;
  levels = std::max(levels, step.level + 1);
  const int time = program_.time(step);
  for (const Operand& read : reads)
    if (read) touch(read.buffer, time);
  for (const Operand& write : writes) {
    if (!write) continue;
    touch(write.buffer, time);
    levelOf(write) = std::max(levelOf(write), step.level);
  }
}

void ProgramBuilder::setOperands(Step& step, std::initializer_list<Operand> operands) {
  std::copy(operands.begin(), operands.end(), step.operands.begin());
}

void ProgramBuilder::emitSum(int c, int p, const std::vector<Term>& terms, Operand y) {
  Step step;
  step.key.op = Op::sum;
  step.key.shape[0] = c, step.key.shape[1] = p;
  step.backward = backward_;
  std::vector<Operand> reads;
  for (const Term& term : terms)
    reads.insert(reads.end(), {term.x, term.mean, term.inverseStd, term.scale, term.shift});
  place(step, reads, {&y, 1});
  step.operands[0] = y;
  step.firstTerm = static_cast<int>(program_.terms.size());
  step.terms = static_cast<int>(terms.size());
  program_.terms.insert(program_.terms.end(), terms.begin(), terms.end());
  program_.steps.push_back(step);
}

const ConvGeometry& ProgramBuilder::geometry(int conv) {
  int& index = geometryOf_[static_cast<size_t>(conv)];
  if (index >= 0) return geometries_[static_cast<size_t>(index)];
  const ConvShape shape = convShape(graph_, conv);
  const SampleShape& x = node(node(conv).inputs[0]).shape;
  const auto same = std::find_if(geometries_.begin(), geometries_.end(), [&](const ConvGeometry& g) {
    return sameShape(g.shape, shape) && g.h == x.h && g.w == x.w;
  });
  index = static_cast<int>(same - geometries_.begin());
  if (same == geometries_.end())
    geometries_.push_back({shape, x.h, x.w, forwardSweep(shape, batch_, x.h, x.w, false),
                           backwardSweeps(shape, batch_, x.h, x.w), weightGradient(shape, batch_, x.h, x.w, false)});
  return geometries_[static_cast<size_t>(index)];
}

Operand ProgramBuilder::weight(int index) const {
  const int parameter = weightParameter(index);
  if (parameter < 0) return {};
  return {parameterBuffer_, static_cast<uint32_t>(parameters_.offsets[static_cast<size_t>(parameter)])};
}

Operand ProgramBuilder::bias(int index) const {
  if (!node(index).bias && !node(index).scaled) return {};
  const int parameter = weightParameter(index) + 1;
  return {parameterBuffer_, static_cast<uint32_t>(parameters_.offsets[static_cast<size_t>(parameter)])};
}

Operand ProgramBuilder::packedForward(int conv) {
  const ConvGeometry& g = geometry(conv);
  Step pack;
  pack.key = convKey(Op::packForward, g.shape, g.h, g.w, false, 0);
  pack.operands[0] = weight(conv);
  pack.operands[1] = buffer(g.forward.sweep.packedFloats(), Room::packed);
  program_.packing.push_back(pack);
  return pack.operands[1];
}

Operand ProgramBuilder::packedBackward(int conv, size_t phase) {
  const ConvGeometry& g = geometry(conv);
  const size_t floats = g.backward[phase].sweep.packedFloats();
  if (floats == 0) return {};
  Step pack;
  pack.key = convKey(Op::packBackward, g.shape, g.h, g.w, false, static_cast<int>(phase));
  pack.operands[0] = weight(conv);
  pack.operands[1] = buffer(floats, Room::packed);
  program_.packing.push_back(pack);
  return pack.operands[1];
}

/// Places of the buffers: arenas share memory between buffers whose times do not meet, other rooms are laid out in
/// order.
void ProgramBuilder::layOut() {
  std::vector<std::vector<size_t>> starting(static_cast<size_t>(program_.forwardLevels + program_.backwardLevels)),
      ending(starting.size());
  for (size_t b = 0; b < program_.buffers.size(); ++b) {
    Buffer& buffer = program_.buffers[b];
    const auto append = [&](size_t& room) {
      buffer.offset = room;
      room += aligned(buffer.floats);
    };
    switch (buffer.room) {
      case Room::arena:
        if (buffer.firstStep < 0) break;
        starting[static_cast<size_t>(buffer.firstStep)].push_back(b);
        ending[static_cast<size_t>(buffer.lastStep)].push_back(b);
        break;
      case Room::recorded:
        append(program_.recorded);
        break;
      case Room::packed:
        append(program_.packed);
        break;
      case Room::counters:
        append(program_.counters);
        break;
      case Room::zeros:
        program_.zeros = buffer.floats;
        break;
      case Room::logits:
        append(program_.logitFloats);
        break;
      case Room::parameters:
      case Room::input:
        break;
    }
  }
  ArenaLayout arena;
  for (size_t time = 0; time < starting.size(); ++time) {
    for (const size_t b : starting[time])
      program_.buffers[b].offset = kAlignment * arena.take(program_.buffers[b].floats);
    for (const size_t b : ending[time])
      arena.release(static_cast<uint32_t>(program_.buffers[b].offset / kAlignment), program_.buffers[b].floats);
  }
  program_.arena = arena.peakFloats();
}

NetworkProgram ProgramBuilder::take() {
  layOut();
  return std::move(program_);
}

}  // namespace eznas::cuda
