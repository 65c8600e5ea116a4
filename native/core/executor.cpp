#include "native/core/executor.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace eznas {
namespace {

constexpr double kEpsilon = 1e-5;

size_t roundedChannels(int c) { return static_cast<size_t>((c + kLanes - 1) / kLanes) * kLanes; }

}  // namespace

Executor::Executor(const Graph& graph, const Plan& plan, const Weights& weights, int batch,
                   const NetworkKernels& kernels)
    : graph_(graph),
      plan_(plan),
      weights_(weights),
      kernels_(kernels),
      halos_(graph, plan, kernels),
      batch_(batch),
      pool_(batch),
      maps_(graph.nodes.size()),
      gradients_(graph.nodes.size()),
      normalizations_(graph.nodes.size()),
      maxima_(graph.nodes.size()),
      sums_(graph.nodes.size()) {
  size_t scratch = 0, largestWeight = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!plan.forward[i] && !plan.backward[i]) continue;
    const Node& n = graph.nodes[i];
    if (n.kind != NodeKind::conv2d && n.kind != NodeKind::linear) continue;
    const SampleShape& x = graph.nodes[static_cast<size_t>(n.inputs[0])].shape;
    if (n.kind == NodeKind::conv2d)
      scratch = std::max(scratch, kernels.convScratchSize(convShape(graph, static_cast<int>(i)), batch, x.h, x.w));
    else
      scratch = std::max(scratch, kernels.linearScratchSize({nullptr, batch, x.c, x.h, x.w, 0}, n.outChannels));
  }
  for (const Parameter& parameter : graph.parameters)
    if (plan.weightGradient[static_cast<size_t>(parameter.node)])
      largestWeight = std::max(largestWeight, parameter.size);
  scratch_ = Buffer(scratch);
  gradientScratch_ = Buffer(largestWeight);
}

void Executor::run(const float* input, const PassOutputs& outputs) {
  outputs_ = outputs;
  uses_ = plan_.uses;
  const int count = static_cast<int>(graph_.nodes.size());
  for (int i = 0; i < count; ++i)
    if (plan_.forward[static_cast<size_t>(i)]) forward(i, input);

  const int output = plan_.value[static_cast<size_t>(graph_.output)];
  if (wantsGradient(output)) startBackward(output);
  if (plan_.wants.logits) {
    if (outputs.logits != nullptr) {
      outputs.logits->resize(static_cast<size_t>(batch_) * node(output).shape.c * node(output).shape.h *
                             node(output).shape.w);
      kernels_.unpack(map(output), nullptr, outputs.logits->data());
    }
    doneReading(output);
  }
  if (!wantsGradient(output)) return;
  for (int i = output; i >= 0; --i)
    if (wantsGradient(i)) backward(i);
}

Executor::Reference Executor::acquire(int value, int halo) {
  const SampleShape& s = node(value).shape;
  return pool_.acquire(s.c, s.h, s.w, halo);
}

FeatureMap Executor::map(int value) {
  const int holder = plan_.holder[static_cast<size_t>(value)];
  if (!isZero(value)) return pool_.map(maps_[static_cast<size_t>(holder)]);
  const SampleShape& s = node(value).shape;
  return pool_.zeros(s.c, s.h, s.w, halos_.map[static_cast<size_t>(value)]);
}

void Executor::doneReading(int value) {
  if (isZero(value)) return;
  const auto holder = static_cast<size_t>(plan_.holder[static_cast<size_t>(value)]);
  if (--uses_[holder] == 0) pool_.release(std::exchange(maps_[holder], {}));
}

// ---- forward
// ---------------------------------------------------------------------------------------------------------

void Executor::forward(int index, const float* input) {
  const auto i = static_cast<size_t>(index);
  if (plan_.holder[i] != index) {
    recordForward(index);
    if (outputs_.observer != nullptr) outputs_.observer->computed(index, map(index));
    doneReading(index);
    return;
  }
  maps_[i] = acquire(index, halos_.map[i]);
  const FeatureMap y = pool_.map(maps_[i]);
  switch (node(index).kind) {
    case NodeKind::input:
      kernels_.pack(input, y);
      break;
    case NodeKind::conv2d:
      convolve(index);
      break;
    case NodeKind::batchNorm:
      normalize(index);
      break;
    case NodeKind::relu:
    case NodeKind::relu6:
    case NodeKind::hardSwish:
    case NodeKind::hardSigmoid:
    case NodeKind::sigmoid:
      activate(index);
      break;
    case NodeKind::multiply:
      kernels_.multiply(map(operand(index)), map(operand(index, 1)), y, false);
      break;
    case NodeKind::add: {
      std::vector<FeatureMap> terms;
      for (size_t k = 0; k < node(index).inputs.size(); ++k)
        if (!isZero(operand(index, k))) terms.push_back(map(operand(index, k)));
      kernels_.sum(terms.data(), static_cast<int>(terms.size()), y);
      break;
    }
    case NodeKind::concat:
      concatenate(index);
      break;
    case NodeKind::maxPool:
      poolMaximum(index);
      break;
    case NodeKind::avgPool:
      kernels_.avgPoolForward(poolShape(node(index)), map(operand(index)), y);
      break;
    case NodeKind::globalAvgPool:
      kernels_.globalPoolForward(map(operand(index)), y);
      break;
    case NodeKind::linear:
      kernels_.linearForward(map(operand(index)), weights_.weight(index), weights_.bias(index), y, scratch_.data());
      break;
    case NodeKind::slice: {
      const Node& n = node(index);
      kernels_.copyRegion(map(operand(index)), n.axis == 1 ? n.begin : 0, n.axis == 2 ? n.begin : 0,
                          n.axis == 3 ? n.begin : 0, y, 0, 0, 0, y.c, y.h, y.w, false);
      break;
    }
    case NodeKind::zero:
    case NodeKind::identity:
      break;  // never computed: known zeros, and the input's own value
  }
  recordForward(index);
  if (outputs_.observer != nullptr) outputs_.observer->computed(index, y);
  if (uses_[i] == 0) pool_.release(std::exchange(maps_[i], {}));
  for (size_t k = 0; k < node(index).inputs.size(); ++k) doneReading(operand(index, k));
}

void Executor::convolve(int index) {
  const FeatureMap y = map(index);
  std::vector<double>& sums = sums_[static_cast<size_t>(index)];
  sums.assign(2 * roundedChannels(y.c), 0.0);
  kernels_.convForward(convShape(graph_, index), map(operand(index)), weights_.packedForward(index),
                       weights_.bias(index), y, sums.data(), sums.data() + roundedChannels(y.c), scratch_.data());
}

void Executor::normalize(int index) {
  const int source = operand(index);
  const FeatureMap x = map(source);
  Normalization& n = normalizations_[static_cast<size_t>(index)];
  if (isZero(source)) {
    normalizeZeros(index);
    kernels_.normalizeForward(x, n.mean.data(), n.inverseStd.data(), weights_.weight(index), weights_.bias(index),
                              map(index));
    return;
  }
  const size_t channels = roundedChannels(x.c);
  std::vector<double> mean(channels, 0.0), variance(channels, 0.0);
  if (node(source).kind == NodeKind::conv2d) {
    const double* sums = sums_[static_cast<size_t>(source)].data();
    const double count = static_cast<double>(x.n) * x.h * x.w;
    for (size_t c = 0; c < channels; ++c) {
      mean[c] = sums[c] / count;
      // Rounding may leave a constant channel a hair below zero. A NaN stays.
      const double v = sums[channels + c] / count - mean[c] * mean[c];
      variance[c] = v < 0 ? 0 : v;
    }
  } else {
    kernels_.batchStatistics(x, mean.data(), variance.data());
  }
  n.mean.assign(channels, 0.0f);
  n.inverseStd.assign(channels, 0.0f);
  for (int c = 0; c < x.c; ++c) {
    const auto k = static_cast<size_t>(c);
    n.mean[k] = static_cast<float>(mean[k]);
    n.inverseStd[k] = static_cast<float>(1.0 / std::sqrt(variance[k] + kEpsilon));
  }
  kernels_.normalizeForward(x, n.mean.data(), n.inverseStd.data(), weights_.weight(index), weights_.bias(index),
                            map(index));
}

/// Statistics of an input that is known to be zero.
void Executor::normalizeZeros(int index) {
  Normalization& n = normalizations_[static_cast<size_t>(index)];
  n.mean.assign(roundedChannels(node(index).shape.c), 0.0f);
  n.inverseStd.assign(n.mean.size(), static_cast<float>(1.0 / std::sqrt(kEpsilon)));
}

void Executor::activate(int index) {
  const FeatureMap x = map(operand(index));
  const FeatureMap* pieces = outputs_.observer == nullptr ? nullptr : outputs_.observer->pieces(index);
  kernels_.activate(activationOf(node(index)), x, pieces == nullptr ? x : *pieces, map(index));
}

void Executor::concatenate(int index) {
  const FeatureMap y = map(index);
  int channel = 0;
  for (size_t k = 0; k < node(index).inputs.size(); ++k) {
    const FeatureMap x = map(operand(index, k));
    kernels_.copyRegion(x, 0, 0, 0, y, channel, 0, 0, x.c, x.h, x.w, false);
    channel += x.c;
  }
}

void Executor::poolMaximum(int index) {
  const FeatureMap y = map(index);
  Buffer& positions = maxima_[static_cast<size_t>(index)];
  if (positions.data() == nullptr) positions = Buffer(static_cast<size_t>(y.n) * y.blocks() * y.h * y.w * kLanes);
  kernels_.maxPoolForward(poolShape(node(index)), map(operand(index)), y, reinterpret_cast<int32_t*>(positions.data()));
}

void Executor::recordForward(int index) {
  if (outputs_.recorder == nullptr) return;
  const auto holder = static_cast<size_t>(plan_.holder[static_cast<size_t>(index)]);
  for (const int u : plan_.unitsByValue[static_cast<size_t>(index)]) {
    const Unit& unit = graph_.units[static_cast<size_t>(u)];
    const auto record = [&](Kind kind, int place) {
      if (records(kind) && place == index) outputs_.recorder->share(u, kind, map(index), maps_[holder].serial);
    };
    record(kKindT1, operand(unit.relu));
    record(kKindT2, operand(unit.conv));
    record(kKindT4, unit.batchNorm);
  }
}

// ---- backward
// --------------------------------------------------------------------------------------------------------

void Executor::startBackward(int output) {
  bool accumulate = false;
  const FeatureMap gradient = target(output, accumulate);
  const bool seeded =
      outputs_.observer != nullptr && plan_.wants.logits && outputs_.observer->seed(map(output), gradient);
  if (!seeded) kernels_.fill(gradient, 1.0f);
}

void Executor::observeBackward(int index, const FeatureMap& gradient) {
  const bool kept = plan_.wants.keepMaps && plan_.forward[static_cast<size_t>(index)];
  if (outputs_.observer != nullptr)
    outputs_.observer->differentiated(index, kept ? map(index) : FeatureMap{}, gradient);
  if (kept) doneReading(index);
}

FeatureMap Executor::target(int value, bool& accumulate) {
  Gradient& gradient = gradients_[static_cast<size_t>(value)];
  accumulate = static_cast<bool>(gradient.own);
  if (!accumulate) gradient.own = acquire(value, halos_.gradient[static_cast<size_t>(value)]);
  return pool_.map(gradient.own);
}

Executor::Reference Executor::resolve(int value) {
  Gradient gradient = std::exchange(gradients_[static_cast<size_t>(value)], {});
  const int halo = halos_.gradient[static_cast<size_t>(value)];
  if (!gradient.own && gradient.equal.size() == 1 && pool_.map(gradient.equal[0]).halo >= halo)
    return gradient.equal[0];
  if (!gradient.own) {
    gradient.own = acquire(value, halo);
    std::vector<FeatureMap> terms;
    for (const Reference equal : gradient.equal) terms.push_back(pool_.map(equal));
    kernels_.sum(terms.data(), static_cast<int>(terms.size()), pool_.map(gradient.own));
  } else {
    for (const Reference equal : gradient.equal) kernels_.copy(pool_.map(equal), pool_.map(gradient.own), true);
  }
  for (const Reference equal : gradient.equal) pool_.release(equal);
  return gradient.own;
}

void Executor::backward(int index) {
  const Node& n = node(index);
  const Reference gradient = resolve(index);
  const FeatureMap gy = pool_.map(gradient);
  recordBackward(index, gradient);
  observeBackward(index, gy);

  bool accumulate = false;
  const bool further = !n.inputs.empty() && wantsGradient(operand(index));
  switch (n.kind) {
    case NodeKind::input:
      if (outputs_.gradients != nullptr) {
        outputs_.gradients->input.resize(static_cast<size_t>(batch_) * gy.c * gy.h * gy.w);
        kernels_.unpack(gy, nullptr, outputs_.gradients->input.data());
      }
      break;
    case NodeKind::conv2d:
      convolveBackward(index, gy);
      break;
    case NodeKind::batchNorm:
      normalizeBackward(index, gy);
      break;
    case NodeKind::relu:
    case NodeKind::relu6:
    case NodeKind::hardSwish:
    case NodeKind::hardSigmoid:
    case NodeKind::sigmoid:
      activateBackward(index, gy);
      break;
    case NodeKind::multiply:
      multiplyBackward(index, gy);
      break;
    case NodeKind::add:
      for (size_t k = 0; k < n.inputs.size(); ++k) {
        if (!wantsGradient(operand(index, k))) continue;
        pool_.retain(gradient);
        gradients_[static_cast<size_t>(operand(index, k))].equal.push_back(gradient);
      }
      break;
    case NodeKind::concat:
      for (size_t k = 0, channel = 0; k < n.inputs.size(); ++k) {
        if (wantsGradient(operand(index, k))) {
          const FeatureMap gx = target(operand(index, k), accumulate);
          kernels_.copyRegion(gy, static_cast<int>(channel), 0, 0, gx, 0, 0, 0, gx.c, gx.h, gx.w, accumulate);
        }
        channel += static_cast<size_t>(node(n.inputs[k]).shape.c);
      }
      break;
    case NodeKind::maxPool:
      if (further) {
        const FeatureMap gx = target(operand(index), accumulate);
        kernels_.maxPoolBackward(poolShape(n), gy,
                                 reinterpret_cast<const int32_t*>(maxima_[static_cast<size_t>(index)].data()), gx,
                                 accumulate);
      }
      break;
    case NodeKind::avgPool:
      if (further) {
        const FeatureMap gx = target(operand(index), accumulate);
        kernels_.avgPoolBackward(poolShape(n), gy, gx, accumulate);
      }
      break;
    case NodeKind::globalAvgPool:
      if (further) {
        const FeatureMap gx = target(operand(index), accumulate);
        kernels_.globalPoolBackward(gy, gx, accumulate);
      }
      break;
    case NodeKind::linear:
      linearBackward(index, gy);
      break;
    case NodeKind::slice:
      if (further) sliceBackward(index, gy);
      break;
    case NodeKind::zero:
    case NodeKind::identity:
      break;  // a zero passes nothing on; an identity has no gradient of its own
  }
  pool_.release(gradient);
}

void Executor::convolveBackward(int index, const FeatureMap& gy) {
  const int x = operand(index);
  if (plan_.weightGradient[static_cast<size_t>(index)]) {
    // Zeros in, zeros out: the recorder fills them in.
    if (!isZero(x) || outputs_.gradients != nullptr) {
      float* const gradient = weightGradient(index);
      kernels_.convBackwardWeights(convShape(graph_, index), map(x), gy, gradient, biasGradient(index),
                                   scratch_.data());
      if (records(kKindT3G))
        for (const int unit : plan_.unitsByConv[static_cast<size_t>(index)])
          outputs_.recorder->copyPlain(unit, kKindT3G, gradient);
    }
    doneReading(x);
  }
  convolveBackwardData(index, gy);
}

void Executor::convolveBackwardData(int index, const FeatureMap& gy) {
  const int x = operand(index);
  const std::vector<int>& units = plan_.unitsByConv[static_cast<size_t>(index)];
  const bool recorded = (records(kKindT2G) && !units.empty()) ||
                        std::any_of(units.begin(), units.end(), [&](int u) { return recordsThere(u, x); });
  if (!recorded && !wantsGradient(x)) return;

  // What is recorded is this convolution's contribution alone, so it must not meet the others before that. They are
  // added afterwards whether or not it is recorded: results must not depend on which tensors were asked for.
  const bool apart = !wantsGradient(x) || gradients_[static_cast<size_t>(x)].own;
  bool accumulate = false;
  const Reference temporary = apart ? acquire(x, 0) : Reference{};
  const FeatureMap gx = apart ? pool_.map(temporary) : target(x, accumulate);
  kernels_.convBackwardData(convShape(graph_, index), gy, weights_.packedBackward(index), gx, accumulate,
                            scratch_.data());
  for (const int u : units) {
    if (records(kKindT2G)) outputs_.recorder->copy(u, kKindT2G, gx);
    if (!recordsThere(u, x)) continue;
    recordSlope(u, gx);
    doneReading(plan_.slope(graph_, graph_.units[static_cast<size_t>(u)].relu));
  }
  if (!apart) return;
  if (wantsGradient(x)) kernels_.copy(gx, target(x, accumulate), true);
  pool_.release(temporary);
}

/// T1G: the gradient behind the unit's activation times its slope.
void Executor::recordSlope(int unit, const FeatureMap& gradient) {
  const int activation = graph_.units[static_cast<size_t>(unit)].relu;
  const FeatureMap x = map(plan_.slope(graph_, activation));
  if (node(activation).kind == NodeKind::relu) return outputs_.recorder->copyMasked(unit, kKindT1G, gradient, x);
  const Reference product = acquire(activation, 0);
  kernels_.activateBackward(activationOf(node(activation)), x, x, gradient, pool_.map(product), false);
  outputs_.recorder->copy(unit, kKindT1G, pool_.map(product));
  pool_.release(product);
}

void Executor::normalizeBackward(int index, const FeatureMap& gy) {
  const int x = operand(index);
  const bool further = wantsGradient(x), scaled = plan_.weightGradient[static_cast<size_t>(index)] != 0;
  if (further || scaled) {
    if (isZero(x)) normalizeZeros(index);
    const Normalization& n = normalizations_[static_cast<size_t>(index)];
    bool accumulate = false;
    const Reference aside = further ? Reference{} : acquire(x, 0);
    const FeatureMap gx = further ? target(x, accumulate) : pool_.map(aside);
    // Kernels write whole blocks of channels.
    std::vector<float> scale(scaled ? roundedChannels(gy.c) : 0), shift(scale.size());
    kernels_.normalizeBackward(map(x), gy, n.mean.data(), n.inverseStd.data(), weights_.weight(index), gx, accumulate,
                               scaled ? scale.data() : nullptr, scaled ? shift.data() : nullptr);
    if (scaled && outputs_.gradients != nullptr) {
      std::copy_n(scale.begin(), gy.c, weightGradient(index));
      std::copy_n(shift.begin(), gy.c, biasGradient(index));
    }
    if (!further) pool_.release(aside);
  }
  doneReading(x);
}

void Executor::activateBackward(int index, const FeatureMap& gy) {
  const int from = plan_.slope(graph_, index);
  if (wantsGradient(operand(index)) && !isZero(index)) {
    const FeatureMap x = map(from);
    const FeatureMap* pieces = outputs_.observer == nullptr ? nullptr : outputs_.observer->pieces(index);
    bool accumulate = false;
    const FeatureMap gx = target(operand(index), accumulate);
    kernels_.activateBackward(activationOf(node(index)), x, pieces == nullptr ? x : *pieces, gy, gx, accumulate);
  }
  doneReading(from);
}

void Executor::multiplyBackward(int index, const FeatureMap& gy) {
  const int x = operand(index), factor = operand(index, 1);
  bool accumulate = false;
  if (wantsGradient(x)) {
    const FeatureMap gx = target(x, accumulate);
    kernels_.multiply(gy, map(factor), gx, accumulate);
  }
  if (wantsGradient(factor)) {
    const FeatureMap gFactor = target(factor, accumulate);
    if (node(factor).shape == node(x).shape)
      kernels_.multiply(gy, map(x), gFactor, accumulate);
    else
      kernels_.productSums(map(x), gy, gFactor, accumulate);
  }
  if (wantsGradient(x)) doneReading(factor);
  if (wantsGradient(factor)) doneReading(x);
}

void Executor::sliceBackward(int index, const FeatureMap& gy) {
  const Node& n = node(index);
  bool accumulate = false;
  const FeatureMap gx = target(operand(index), accumulate);
  if (!accumulate) kernels_.fill(gx, 0.0f);
  kernels_.copyRegion(gy, 0, 0, 0, gx, n.axis == 1 ? n.begin : 0, n.axis == 2 ? n.begin : 0, n.axis == 3 ? n.begin : 0,
                      gy.c, gy.h, gy.w, true);
}

void Executor::linearBackward(int index, const FeatureMap& gy) {
  const int x = operand(index);
  const bool weights = plan_.weightGradient[static_cast<size_t>(index)] != 0;
  bool accumulate = false;
  FeatureMap gx;
  if (wantsGradient(x)) gx = target(x, accumulate);
  if (!wantsGradient(x) && !weights) return;
  // Without weight gradients the input's numbers are not read, and may be gone; its shape still is.
  const SampleShape& shape = node(x).shape;
  const FeatureMap read = weights ? map(x) : FeatureMap{nullptr, batch_, shape.c, shape.h, shape.w, 0};
  kernels_.linearBackward(read, gy, weights_.weight(index), wantsGradient(x) ? &gx : nullptr, accumulate,
                          weights ? weightGradient(index) : nullptr, weights ? biasGradient(index) : nullptr,
                          scratch_.data());
  if (weights) doneReading(x);
}

void Executor::recordBackward(int index, Reference gradient) {
  if (outputs_.recorder == nullptr) return;
  for (const int u : plan_.unitsByValue[static_cast<size_t>(index)]) {
    const Unit& unit = graph_.units[static_cast<size_t>(u)];
    if (records(kKindT4G) && unit.batchNorm == index)
      outputs_.recorder->share(u, kKindT4G, pool_.map(gradient), gradient.serial);
    if (records(kKindT1G) && !plan_.direct[static_cast<size_t>(u)] && unit.relu == index && !isZero(index))
      recordSlope(u, pool_.map(gradient));
  }
}

float* Executor::weightGradient(int index) {
  if (outputs_.gradients == nullptr) return gradientScratch_.data();
  return outputs_.gradients->parameters[static_cast<size_t>(weights_.weightIndex(index))].data();
}

float* Executor::biasGradient(int index) {
  if (outputs_.gradients == nullptr || weights_.bias(index) == nullptr) return nullptr;
  return outputs_.gradients->parameters[static_cast<size_t>(weights_.weightIndex(index)) + 1].data();
}

}  // namespace eznas
