// The backward direction, from a gradient of ones at the output. Every contribution to a value's gradient has a buffer
// of its own, and one sum adds them up: so what is recorded on the way changes nothing, and neither do levels.
#include "native/cuda/network_backward.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace eznas::cuda {

BackwardLowering::BackwardLowering(const Graph& graph, const Plan& plan, int batch)
    : ForwardLowering(graph, plan, batch), contributions_(graph.nodes.size()), apart_(graph.nodes.size(), 0) {
  for (size_t u = 0; u < graph.units.size(); ++u)
    if (!plan.direct[u]) apart_[static_cast<size_t>(graph.units[u].relu)] = 1;
}

void BackwardLowering::lowerBackward() {
  startBackward();
  if (plan_.wants.allGradients) program_.parameterGradients.assign(graph_.parameters.size(), -1);
  const int output = plan_.value[static_cast<size_t>(graph_.output)];
  if (!wantsGradient(output)) return;
  const Operand ones = buffer(volume(output));
  setOperands(emit(Op::fill, {channels(output), pixels(output), std::bit_cast<int32_t>(1.0f)}, {}, {ones}), {ones});
  contribute(output, ones);
  for (int i = output; i >= 0; --i)
    if (wantsGradient(i)) backward(i);
}

bool BackwardLowering::maskedByReaders(int relu) const {
  if (node(relu).kind != NodeKind::relu || isZero(relu) || isOutput(relu) || !onlyConvolutionsRead(relu)) return false;
  return !apart_[static_cast<size_t>(relu)] || consumers_[static_cast<size_t>(relu)].size() == 1;
}

Operand BackwardLowering::maskOf(int relu) { return rectified(relu).map; }

Operand BackwardLowering::activateBackward(int i, Operand gy) {
  const Operand from = node(i).kind == NodeKind::relu ? maskOf(i) : map(plan_.slope(graph_, i)), gx = buffer(volume(i));
  const auto activation = static_cast<int32_t>(activationOf(node(i)));
  setOperands(emit(Op::activateBackward, {channels(i), pixels(i), activation}, {from, gy}, {gx}), {from, gy, gx});
  return gx;
}

void BackwardLowering::multiplyBackward(int i, Operand gy) {
  const int x = operand(i), factor = operand(i, 1);
  const auto product = [&](Op op, int32_t gated, int other, int target) {
    const Operand gx = buffer(volume(target)), by = map(other);
    setOperands(emit(op, {channels(i), pixels(i), gated}, {gy, by}, {gx}), {gy, by, gx});
    contribute(target, gx);
  };
  if (wantsGradient(x)) product(Op::multiply, gates(i), factor, x);
  if (wantsGradient(factor)) product(gates(i) ? Op::productSums : Op::multiply, 0, x, factor);
}

void BackwardLowering::contribute(int value, Operand gradient) {
  contributions_[static_cast<size_t>(value)].push_back(gradient);
}

Operand BackwardLowering::resolve(int value) {
  const std::vector<Operand> parts = std::exchange(contributions_[static_cast<size_t>(value)], {});
  if (parts.size() <= 1) return parts.empty() ? Operand{} : parts[0];
  std::vector<Term> terms;
  terms.reserve(parts.size());
  for (const Operand& part : parts) terms.push_back({part});
  const Operand total = buffer(volume(value));
  emitSum(channels(value), pixels(value), terms, total);
  return total;
}

void BackwardLowering::backward(int i) {
  const Node& n = node(i);
  const Operand gy = resolve(i);
  // A ReLU whose readers mask has no gradient of its own, one of zeros passes nothing on.
  if (!gy) return;
  for (const int u : plan_.unitsByValue[static_cast<size_t>(i)])
    if (wants(kKindT4G) && graph_.units[static_cast<size_t>(u)].batchNorm == i) record(u, kKindT4G, gy);

  const bool further = !n.inputs.empty() && wantsGradient(operand(i));
  const auto contributed = [&](const StepKey& key, std::initializer_list<Operand> reads) {
    const Operand gx = buffer(volume(operand(i)));
    Step& step = emit(key, reads, {gx});
    std::copy(reads.begin(), reads.end(), step.operands.begin());
    step.operands[reads.size()] = gx;
    contribute(operand(i), gx);
  };
  switch (n.kind) {
    case NodeKind::input:
      if (plan_.wants.allGradients) {
        setRecorded(gy);
        program_.inputGradient = gy.buffer;
      }
      break;
    case NodeKind::conv2d:
      convolveWeights(i, gy);
      convolveBackward(i, gy);
      break;
    case NodeKind::batchNorm:
      normalizeBackward(i, gy);
      break;
    case NodeKind::relu:
    case NodeKind::relu6:
    case NodeKind::hardSwish:
    case NodeKind::hardSigmoid:
    case NodeKind::sigmoid:
      if (!isZero(i)) {
        const Operand gx = activateBackward(i, gy);
        if (further) contribute(operand(i), gx);
        for (size_t u = 0; u < graph_.units.size(); ++u)
          if (wants(kKindT1G) && !plan_.direct[u] && graph_.units[u].relu == i)
            record(static_cast<int>(u), kKindT1G, gx);
      }
      break;
    case NodeKind::multiply:
      multiplyBackward(i, gy);
      break;
    case NodeKind::add:
      for (size_t k = 0; k < n.inputs.size(); ++k)
        if (wantsGradient(operand(i, k))) contribute(operand(i, k), gy);
      break;
    case NodeKind::concat:
    case NodeKind::slice:
      scatter(i, gy);
      break;
    case NodeKind::maxPool:
      if (further) contributed(poolKey(Op::maxPoolBackward, i), {gy, positions_[static_cast<size_t>(i)]});
      break;
    case NodeKind::avgPool:
      if (further) contributed(poolKey(Op::avgPoolBackward, i), {gy});
      break;
    case NodeKind::globalAvgPool:
      if (further) contributed({Op::globalPoolBackward, {channels(i), pixels(operand(i))}}, {gy});
      break;
    case NodeKind::linear:
      linearBackward(i, gy);
      break;
    case NodeKind::zero:
    case NodeKind::identity:
      break;  // a zero passes nothing on; an identity has no gradient of its own
  }
}

void BackwardLowering::convolveWeights(int i, Operand gy) {
  if (!plan_.weightGradient[static_cast<size_t>(i)]) return;
  const int x = operand(i);
  // Zeros in, zeros out: recorded tensors that nothing writes are zeros.
  if (isZero(x) && !plan_.wants.allGradients) return;
  const ConvShape shape = convShape(graph_, i);
  const SampleShape& in = node(x).shape;
  const Rectified read = rectified(x);
  size_t parameter = 0;
  while (graph_.parameters[parameter].node != i) ++parameter;
  const Operand gradient = buffer(graph_.parameters[parameter].size);
  if (isDepthwise(shape)) {
    Step& step = emit(convKey(Op::depthwiseWeights, shape, in.h, in.w, read.relu, 0), {read.map, gy}, {gradient});
    setOperands(step, {read.map, gy, gradient});
  } else {
    const size_t floats = geometry(i).weights.partialFloats();
    const Operand partials = floats > 0 ? buffer(floats) : Operand{};
    Step& step = emit(convKey(Op::convWeights, shape, in.h, in.w, read.relu, 0), {read.map, gy}, {partials, gradient});
    setOperands(step, {read.map, gy, partials, gradient});
  }
  if (wants(kKindT3G))
    for (const int u : plan_.unitsByConv[static_cast<size_t>(i)]) record(u, kKindT3G, gradient);
  if (!plan_.wants.allGradients) return;
  setRecorded(gradient);
  program_.parameterGradients[parameter] = gradient.buffer;
  if (!node(i).bias) return;
  const Operand biases = parameterGradient(parameter + 1);
  setOperands(emit(Op::biasGradient, {channels(i), pixels(i)}, {gy}, {biases}), {gy, biases});
}

Operand BackwardLowering::parameterGradient(size_t parameter) {
  const Operand gradient = buffer(graph_.parameters[parameter].size);
  setRecorded(gradient);
  program_.parameterGradients[parameter] = gradient.buffer;
  return gradient;
}

void BackwardLowering::convolveBackward(int i, Operand gy) {
  const int x = operand(i);
  const std::vector<int>& units = plan_.unitsByConv[static_cast<size_t>(i)];
  const bool relu = node(x).kind == NodeKind::relu && !isZero(x);
  const bool maskedGradient = maskedByReaders(x);
  const bool contributes = wantsGradient(x) && (!maskedGradient || wantsGradient(operand(x)));
  // Units that take their T1G here: those whose convolution this is, and those away from it whose ReLU only this reads.
  std::vector<int> recording;
  if (wants(kKindT1G) && !isZero(x)) {
    for (const int u : units)
      if (plan_.direct[static_cast<size_t>(u)]) recording.push_back(u);
    if (maskedGradient)
      for (size_t u = 0; u < graph_.units.size(); ++u)
        if (!plan_.direct[u] && graph_.units[u].relu == x) recording.push_back(static_cast<int>(u));
  }
  const bool masked = relu && (!recording.empty() || (contributes && maskedGradient));
  const bool whole =
      (wants(kKindT2G) && !units.empty()) || (contributes && !maskedGradient) || (!relu && !recording.empty());
  if (!whole && !masked) return;

  const Operand gx = whole ? buffer(volume(x)) : Operand{};
  const Operand mask = masked ? maskOf(x) : Operand{};
  const Operand maskedGx = masked ? buffer(volume(x)) : Operand{};
  const ConvShape shape = convShape(graph_, i);
  const SampleShape& in = node(x).shape;
  if (isDepthwise(shape)) {
    Step& step = emit(convKey(Op::depthwiseBackward, shape, in.h, in.w, false, 0), {gy, mask}, {gx, maskedGx});
    setOperands(step, {gy, weight(i), {}, gx, mask, maskedGx});
  } else {
    for (size_t phase = 0; phase < geometry(i).backward.size(); ++phase) {
      const Operand packed = packedBackward(i, phase);
      Step& step = emit(convKey(Op::convBackward, shape, in.h, in.w, false, static_cast<int>(phase)), {gy, mask},
                        {gx, maskedGx});
      setOperands(step, {gy, packed, {}, gx, mask, maskedGx});
    }
  }
  if (contributes) contribute(maskedGradient ? operand(x) : x, maskedGradient ? maskedGx : gx);
  if (wants(kKindT2G))
    for (const int u : units) record(u, kKindT2G, gx);
  if (recording.empty()) return;
  const Operand slopedGx = relu ? maskedGx : activateBackward(x, gx);
  for (const int u : recording) record(u, kKindT1G, slopedGx);
}

void BackwardLowering::normalizeBackward(int i, Operand gy) {
  const int x = operand(i);
  const bool further = wantsGradient(x), scaled = plan_.weightGradient[static_cast<size_t>(i)] != 0;
  if (!further && !scaled) return;
  const Statistics s = statisticsOf(i);
  const BatchNorm shape(batch_, channels(i), pixels(i));
  const Operand partials = doubles(shape.partialDoubles()), arrivals = counters(channels(i));
  const Operand coefficients = buffer(2 * static_cast<size_t>(channels(i)));
  const Operand gx = further ? buffer(volume(x)) : Operand{};
  const auto parameter = static_cast<size_t>(weightParameter(i));
  const Operand gScale = scaled ? parameterGradient(parameter) : Operand{};
  const Operand gShift = scaled ? parameterGradient(parameter + 1) : Operand{};
  Step& step = emit(Op::normalizeBackward, {channels(i), pixels(i)}, {map(x), gy, s.mean, s.inverseStd},
                    {partials, coefficients, gx, gScale, gShift});
  setOperands(step,
              {map(x), gy, s.mean, s.inverseStd, partials, arrivals, coefficients, gx, weight(i), gScale, gShift});
  if (further) contribute(x, gx);
}

void BackwardLowering::linearBackward(int i, Operand gy) {
  const int x = operand(i);
  const int32_t inputs = inputsOf(i), features = node(i).outChannels;
  if (plan_.weightGradient[static_cast<size_t>(i)]) {
    size_t parameter = 0;
    while (graph_.parameters[parameter].node != i) ++parameter;
    const Operand gradient = parameterGradient(parameter);
    setOperands(emit(Op::linearWeights, {inputs, features}, {map(x), gy}, {gradient}), {map(x), gy, gradient});
    if (node(i).bias) {
      const Operand biases = parameterGradient(parameter + 1);
      setOperands(emit(Op::biasGradient, {features, 1}, {gy}, {biases}), {gy, biases});
    }
  }
  if (!wantsGradient(x)) return;
  const Operand gx = buffer(volume(x));
  setOperands(emit(Op::linearBackward, {inputs, features}, {gy}, {gx}), {gy, weight(i), gx});
  contribute(x, gx);
}

/// The gradients of a concat's parts, and of what a slice was taken from.
void BackwardLowering::scatter(int i, Operand gy) {
  const Node& n = node(i);
  Operand from = gy;
  for (size_t k = 0; k < n.inputs.size(); ++k) {
    const int x = operand(i, k);
    if (wantsGradient(x)) {
      const Operand gx = buffer(volume(x));
      if (n.kind == NodeKind::slice) {
        setOperands(emit(Op::fill, {channels(x), pixels(x), 0}, {}, {gx}), {gx});
        copy(gy, i, {gx.buffer, sliceStart(i)}, x, n.shape, true);
      } else {
        copy(from, i, gx, x, node(x).shape, false);
      }
      contribute(x, gx);
    }
    from.element += static_cast<uint32_t>(channels(x) * pixels(i));
  }
}

}  // namespace eznas::cuda
