// The forward direction. What later steps can do on the way is not computed apart: a batch normalization that only
// sums read is a term of theirs, a ReLU that only convolutions read is taken by them, and convolutions gather the
// statistics of what they write.
#include <algorithm>
#include <bit>
#include <cmath>

#include "native/cuda/network_backward.h"

namespace eznas::cuda {

ForwardLowering::ForwardLowering(const Graph& graph, const Plan& plan, int batch)
    : ProgramBuilder(graph, plan, batch),
      maps_(graph.nodes.size()),
      positions_(graph.nodes.size()),
      statistics_(graph.nodes.size()),
      consumers_(graph.nodes.size()) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (plan.value[i] != static_cast<int>(i)) continue;
    for (size_t k = 0; k < graph.nodes[i].inputs.size(); ++k)
      consumers_[static_cast<size_t>(operand(static_cast<int>(i), k))].push_back(static_cast<int>(i));
  }
}

bool ForwardLowering::recordsMapOf(int value) const {
  for (const int u : plan_.unitsByValue[static_cast<size_t>(value)]) {
    const Unit& unit = graph_.units[static_cast<size_t>(u)];
    if ((wants(kKindT1) && operand(unit.relu) == value) || (wants(kKindT2) && operand(unit.conv) == value) ||
        (wants(kKindT4) && unit.batchNorm == value))
      return true;
  }
  return false;
}

bool ForwardLowering::isOutput(int value) const { return plan_.value[static_cast<size_t>(graph_.output)] == value; }

bool ForwardLowering::rectifiedByReaders(int value) const {
  return node(value).kind == NodeKind::relu && !isOutput(value) && !recordsMapOf(value) && onlyConvolutionsRead(value);
}

bool ForwardLowering::onlyConvolutionsRead(int value) const {
  const std::vector<int>& readers = consumers_[static_cast<size_t>(value)];
  return std::all_of(readers.begin(), readers.end(), [&](int reader) { return node(reader).kind == NodeKind::conv2d; });
}

bool ForwardLowering::normalizedByReaders(int value) const {
  if (node(value).kind != NodeKind::batchNorm || isOutput(value) || recordsMapOf(value)) return false;
  const std::vector<int>& readers = consumers_[static_cast<size_t>(value)];
  return std::all_of(readers.begin(), readers.end(),
                     [&](int reader) { return node(reader).kind == NodeKind::add && holder(reader) == reader; });
}

Operand ForwardLowering::map(int value) {
  return isZero(value) ? zeros(volume(value)) : maps_[static_cast<size_t>(holder(value))];
}

ForwardLowering::Rectified ForwardLowering::rectified(int value) {
  if (!isZero(value) && holder(value) == value && rectifiedByReaders(value)) return {map(operand(value)), true};
  return {map(value), false};
}

Term ForwardLowering::term(int value) { return normalizedByReaders(value) ? normalized(value) : Term{map(value)}; }

Term ForwardLowering::normalized(int batchNorm) {
  const Statistics& s = statistics_[static_cast<size_t>(operand(batchNorm))];
  return {map(operand(batchNorm)), s.mean, s.inverseStd, weight(batchNorm), bias(batchNorm)};
}

Operand ForwardLowering::counters(int count) { return buffer(static_cast<size_t>(count), Room::counters); }
Operand ForwardLowering::doubles(size_t count) { return buffer(2 * count); }
Operand ForwardLowering::perChannel(int value) { return buffer(static_cast<size_t>(channels(value))); }

void ForwardLowering::lowerForward() {
  for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i)
    if (plan_.forward[static_cast<size_t>(i)]) {
      if (holder(i) == i) forward(i);
      recordForward(i);
    }
  if (!plan_.wants.logits) return;
  const int output = plan_.value[static_cast<size_t>(graph_.output)];
  const Operand logits = buffer(volume(output), Room::logits);
  program_.logits = logits.buffer;
  emitSum(channels(output), pixels(output), {{map(output)}}, logits);
}

void ForwardLowering::forward(int i) {
  const Node& n = node(i);
  Operand& y = maps_[static_cast<size_t>(i)];
  if (n.kind == NodeKind::input) {
    y = buffer(volume(i), Room::input);
    return;
  }
  if (n.kind == NodeKind::batchNorm) return normalize(i);
  if (rectifiedByReaders(i)) return;
  y = buffer(volume(i));
  const Operand x = map(operand(i));
  switch (n.kind) {
    case NodeKind::conv2d:
      convolve(i);
      break;
    case NodeKind::relu:
    case NodeKind::relu6:
    case NodeKind::hardSwish:
    case NodeKind::hardSigmoid:
    case NodeKind::sigmoid:
      setOperands(emit(Op::activate, {channels(i), pixels(i), static_cast<int32_t>(activationOf(n))}, {x}, {y}),
                  {x, y});
      break;
    case NodeKind::multiply: {
      const Operand factor = map(operand(i, 1));
      setOperands(emit(Op::multiply, {channels(i), pixels(i), gates(i)}, {x, factor}, {y}), {x, factor, y});
      break;
    }
    case NodeKind::add: {
      std::vector<Term> terms;
      for (size_t k = 0; k < n.inputs.size(); ++k)
        if (!isZero(operand(i, k))) terms.push_back(term(operand(i, k)));
      emitSum(channels(i), pixels(i), terms, y);
      break;
    }
    case NodeKind::concat: {
      Operand part = y;
      for (size_t k = 0; k < n.inputs.size(); ++k) {
        copy(map(operand(i, k)), operand(i, k), part, i, node(operand(i, k)).shape, false);
        part.element += static_cast<uint32_t>(channels(operand(i, k)) * pixels(i));
      }
      break;
    }
    case NodeKind::slice:
      copy({x.buffer, sliceStart(i)}, operand(i), y, i, n.shape, false);
      break;
    case NodeKind::maxPool: {
      const Operand positions = plan_.backward[static_cast<size_t>(i)] ? buffer(volume(i)) : Operand{};
      positions_[static_cast<size_t>(i)] = positions;
      setOperands(emit(poolKey(Op::maxPool, i), {x}, {y, positions}), {x, y, positions});
      break;
    }
    case NodeKind::avgPool:
      setOperands(emit(poolKey(Op::avgPool, i), {x}, {y}), {x, y});
      break;
    case NodeKind::globalAvgPool:
      setOperands(emit(Op::globalPool, {channels(i), pixels(operand(i))}, {x}, {y}), {x, y});
      break;
    case NodeKind::linear:
      setOperands(emit(Op::linear, {inputsOf(i), n.outChannels}, {x}, {y}), {x, weight(i), bias(i), y});
      break;
    case NodeKind::input:
    case NodeKind::batchNorm:  // done above
    case NodeKind::zero:
    case NodeKind::identity:  // no value of its own
      break;
  }
}

void ForwardLowering::convolve(int i) {
  const ConvShape shape = convShape(graph_, i);
  const SampleShape& in = node(operand(i)).shape;
  const Rectified x = rectified(operand(i));
  const Operand y = maps_[static_cast<size_t>(i)];
  if (isDepthwise(shape)) {
    Step& step = emit(convKey(Op::depthwiseForward, shape, in.h, in.w, x.relu, 0), {x.map}, {y});
    setOperands(step, {x.map, weight(i), bias(i), y});
    return;
  }
  const std::vector<int>& readers = consumers_[static_cast<size_t>(i)];
  const bool normalized = std::any_of(readers.begin(), readers.end(), [&](int reader) {
    return node(reader).kind == NodeKind::batchNorm && plan_.forward[static_cast<size_t>(reader)];
  });
  Statistics& s = statistics_[static_cast<size_t>(i)];
  Operand partials, arrivals;
  if (normalized) {
    const ConvSweep& sweep = geometry(i).forward.sweep;
    partials = doubles(sweep.partialDoubles());
    arrivals = counters(sweep.groups * sweep.targetTiles);
    s = {perChannel(i), perChannel(i)};
  }
  const Operand packed = packedForward(i);
  Step& step =
      emit(convKey(Op::convForward, shape, in.h, in.w, x.relu, 0), {x.map}, {y, partials, s.mean, s.inverseStd});
  setOperands(step, {x.map, packed, bias(i), y, {}, {}, partials, arrivals, s.mean, s.inverseStd});
}

void ForwardLowering::normalize(int i) {
  statisticsOf(i);
  if (normalizedByReaders(i)) return;
  maps_[static_cast<size_t>(i)] = buffer(volume(i));
  emitSum(channels(i), pixels(i), {normalized(i)}, maps_[static_cast<size_t>(i)]);
}

ForwardLowering::Statistics ForwardLowering::statisticsOf(int i) {
  const int x = operand(i);
  Statistics& s = statistics_[static_cast<size_t>(x)];
  if (s.mean) return s;
  if (isZero(x)) {
    s = {zeros(static_cast<size_t>(channels(i))), perChannel(i)};
    const auto inverse = static_cast<float>(1.0 / std::sqrt(1e-5));
    setOperands(emit(Op::fill, {channels(i), 1, std::bit_cast<int32_t>(inverse), 1}, {}, {s.inverseStd}),
                {s.inverseStd});
    return s;
  }
  const BatchNorm shape(batch_, channels(i), pixels(i));
  s = {perChannel(i), perChannel(i)};
  const Operand partials = doubles(shape.partialDoubles()), arrivals = counters(channels(i));
  Step& step = emit(Op::batchStatistics, {channels(i), pixels(i)}, {map(x)}, {partials, s.mean, s.inverseStd});
  setOperands(step, {map(x), partials, arrivals, s.mean, s.inverseStd});
  return s;
}

void ForwardLowering::copy(Operand from, int fromValue, Operand to, int toValue, const SampleShape& box, bool behind) {
  const SampleShape &f = node(fromValue).shape, &t = node(toValue).shape;
  Step& step =
      emit(Op::copyRegion, {box.c, box.h, box.w, f.c * f.h * f.w, f.h * f.w, f.w, t.c * t.h * t.w, t.h * t.w, t.w},
           {from, behind ? to : Operand{}}, {to});
  setOperands(step, {from, to});
}

uint32_t ForwardLowering::sliceStart(int i) const {
  const Node& n = node(i);
  const SampleShape& x = node(operand(i)).shape;
  return static_cast<uint32_t>(n.axis == 1 ? n.begin * x.h * x.w : n.axis == 2 ? n.begin * x.w : n.begin);
}

bool ForwardLowering::gates(int i) const { return pixels(operand(i, 1)) != pixels(operand(i)); }

int ForwardLowering::inputsOf(int linear) const { return channels(operand(linear)) * pixels(operand(linear)); }

StepKey ForwardLowering::poolKey(Op op, int i) const {
  const PoolShape p = poolShape(node(i));
  const SampleShape &x = node(operand(i)).shape, &y = node(i).shape;
  return {
      op,
      {x.c, x.h, x.w, y.h, y.w, p.kernelH, p.kernelW, p.strideH, p.strideW, p.padH, p.padW, p.countPadding ? 1 : 0}};
}

void ForwardLowering::recordForward(int i) {
  for (const int u : plan_.unitsByValue[static_cast<size_t>(i)]) {
    const Unit& unit = graph_.units[static_cast<size_t>(u)];
    const auto recordAt = [&](Kind kind, int place) {
      if (!wants(kind) || place != i) return;
      Operand& at = maps_[static_cast<size_t>(holder(i))];
      if (program_.buffers[static_cast<size_t>(at.buffer)].room == Room::input) {
        // The input belongs to all networks: a copy of its own is recorded, and read from here on.
        const Operand own = buffer(volume(i));
        emitSum(channels(i), pixels(i), {{at}}, own);
        at = own;
      }
      record(u, kind, at);
    };
    recordAt(kKindT1, operand(unit.relu));
    recordAt(kKindT2, operand(unit.conv));
    recordAt(kKindT4, unit.batchNorm);
  }
}

NetworkProgram lowerNetwork(const Graph& graph, const Plan& plan, int batch) {
  BackwardLowering lowering(graph, plan, batch);
  lowering.lowerForward();
  lowering.lowerBackward();
  return lowering.take();
}

}  // namespace eznas::cuda
