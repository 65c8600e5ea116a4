#include "native/core/positive_pass.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace eznas {
namespace {

template <class F>
void forEachRow(const FeatureMap& m, F f) {
  for (int b = 0; b < m.blocks(); ++b)
    for (int y = 0; y < m.h; ++y) f(m.at(0, b, y, 0), static_cast<size_t>(m.w) * kLanes);
}

void scale(const FeatureMap& m, int exponent) {
  if (exponent == 0) return;
  // Below the smallest float32 all is zero, and beyond its exponents no factor is one.
  const float factor = std::ldexp(1.0f, std::clamp(exponent, -200, 126));
  forEachRow(m, [factor](float* p, size_t floats) {
    for (size_t i = 0; i < floats; ++i) p[i] *= factor;
  });
}

}  // namespace

Graph positiveGraph(const Graph& graph) {
  Graph positive = graph;
  positive.units.clear();
  for (Node& node : positive.nodes)
    if (node.kind == NodeKind::batchNorm || node.kind == NodeKind::relu || node.kind == NodeKind::relu6 ||
        node.kind == NodeKind::hardSwish)
      node.kind = NodeKind::identity;
  return positive;
}

std::vector<std::vector<float>> magnitudes(const Graph& graph, const Weights& weights) {
  std::vector<std::vector<float>> result;
  for (size_t p = 0; p < graph.parameters.size(); ++p) {
    const float* from = weights.parameter(p);
    result.emplace_back(from, from + graph.parameters[p].size);
    for (float& x : result.back()) x = std::abs(x);
  }
  return result;
}

PositivePass::PositivePass(const Graph& graph, const Weights& weights, const NetworkKernels& kernels)
    : graph_(graph),
      weights_(weights),
      kernels_(kernels),
      plan_(graph, {.logits = true, .allGradients = true}),
      pool_(1),
      mapHalo_(graph.nodes.size(), 0),
      gradientHalo_(graph.nodes.size(), 0),
      values_(graph.nodes.size()),
      gradients_(graph.nodes.size()),
      maxima_(graph.nodes.size()) {
  size_t scratch = 0, largest = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& n = graph.nodes[i];
    if (n.kind != NodeKind::conv2d && n.kind != NodeKind::linear) continue;
    const int self = static_cast<int>(i);
    const SampleShape& x = node(operand(self)).shape;
    if (n.kind == NodeKind::linear) {
      scratch = std::max(scratch, kernels.linearScratchSize({nullptr, 1, x.c, x.h, x.w, 0}, n.outChannels));
      continue;
    }
    const ConvShape shape = convShape(graph, self);
    scratch = std::max(scratch, kernels.convScratchSize(shape, 1, x.h, x.w));
    int& halo = mapHalo_[static_cast<size_t>(operand(self))];
    halo = std::max(halo, kernels.convInputHalo(shape));
    gradientHalo_[i] = kernels.convGradientHalo(shape);
  }
  for (const Parameter& parameter : graph.parameters) largest = std::max(largest, parameter.size);
  weightGradient_.resize(largest);
  scratch_ = Buffer(scratch);
}

void PositivePass::run(const Visitor& visit) {
  const int count = static_cast<int>(graph_.nodes.size());
  for (int i = 0; i < count; ++i)
    if (plan_.forward[static_cast<size_t>(i)]) forward(i);
  const int output = plan_.value[static_cast<size_t>(graph_.output)];
  if (!plan_.backward[static_cast<size_t>(output)]) return;
  const Scaled ones{acquire(output, gradientHalo_[static_cast<size_t>(output)]), 0};
  kernels_.fill(map(ones), 1.0f);
  gradients_[static_cast<size_t>(output)] = ones;
  for (int i = output; i >= 0; --i)
    if (gradients_[static_cast<size_t>(i)]) backward(i, visit);
}

PositivePass::Reference PositivePass::acquire(int value, int halo) {
  const SampleShape& s = node(value).shape;
  return pool_.acquire(s.c, s.h, s.w, halo);
}

FeatureMap PositivePass::valueMap(int value) {
  const auto v = static_cast<size_t>(value);
  if (values_[v]) return map(values_[v]);
  const SampleShape& s = node(value).shape;
  return pool_.zeros(s.c, s.h, s.w, mapHalo_[v]);
}

void PositivePass::rescale(Scaled& scaled) {
  const FeatureMap m = map(scaled);
  float largest = 0;
  forEachRow(m, [&largest](const float* p, size_t floats) {
    for (size_t i = 0; i < floats; ++i) largest = p[i] > largest ? p[i] : largest;
  });
  if (!(largest > 0) || !std::isfinite(largest)) return;
  const int shift = std::max(std::ilogb(largest), -126);
  scale(m, -shift);
  scaled.exponent += shift;
}

const float* PositivePass::bias(int index, int exponent) {
  const float* given = weights_.bias(index);
  if (given == nullptr) return nullptr;
  bias_.assign(given, given + node(index).outChannels);
  for (float& x : bias_) x = std::ldexp(x, -exponent);
  return bias_.data();
}

void PositivePass::forward(int index) {
  const auto i = static_cast<size_t>(index);
  const Node& n = node(index);
  Scaled result{acquire(index, mapHalo_[i]), 0};
  const FeatureMap y = map(result);
  const auto single = [&] {
    result.exponent = values_[static_cast<size_t>(operand(index))].exponent;
    return valueMap(operand(index));
  };
  switch (n.kind) {
    case NodeKind::input:
    case NodeKind::hardSigmoid:
    case NodeKind::sigmoid:
      kernels_.fill(y, 1.0f);
      break;
    case NodeKind::conv2d: {
      const FeatureMap x = single();
      std::vector<double> sums(2 * static_cast<size_t>(y.blocks()) * kLanes);
      kernels_.convForward(convShape(graph_, index), x, weights_.packedForward(index), bias(index, result.exponent), y,
                           sums.data(), sums.data() + sums.size() / 2, scratch_.data());
      break;
    }
    case NodeKind::linear: {
      const FeatureMap x = single();
      kernels_.linearForward(x, weights_.weight(index), bias(index, result.exponent), y, scratch_.data());
      break;
    }
    case NodeKind::add:
    case NodeKind::concat:
      join(index, y, result.exponent);
      break;
    case NodeKind::maxPool: {
      maxima_[i] = Buffer(static_cast<size_t>(y.blocks()) * y.h * y.w * kLanes);
      kernels_.maxPoolForward(poolShape(n), single(), y, reinterpret_cast<int32_t*>(maxima_[i].data()));
      break;
    }
    case NodeKind::avgPool:
      kernels_.avgPoolForward(poolShape(n), single(), y);
      break;
    case NodeKind::globalAvgPool:
      kernels_.globalPoolForward(single(), y);
      break;
    case NodeKind::multiply:
      kernels_.multiply(single(), valueMap(operand(index, 1)), y, false);
      result.exponent += values_[static_cast<size_t>(operand(index, 1))].exponent;
      break;
    case NodeKind::slice:
      kernels_.copyRegion(single(), n.axis == 1 ? n.begin : 0, n.axis == 2 ? n.begin : 0, n.axis == 3 ? n.begin : 0, y,
                          0, 0, 0, y.c, y.h, y.w, false);
      break;
    default:
      break;  // never computed: identities have their input's value, and zeros are known
  }
  rescale(result);
  values_[i] = result;
}

void PositivePass::join(int index, const FeatureMap& y, int& exponent) {
  const Node& n = node(index);
  bool any = false;
  for (size_t k = 0; k < n.inputs.size(); ++k) {
    const Scaled& x = values_[static_cast<size_t>(operand(index, k))];
    if (!x) continue;
    exponent = any ? std::max(exponent, x.exponent) : x.exponent;
    any = true;
  }
  kernels_.fill(y, 0.0f);
  for (size_t k = 0, channel = 0; k < n.inputs.size(); ++k) {
    const int from = operand(index, k);
    const Scaled& x = values_[static_cast<size_t>(from)];
    const SampleShape& s = node(from).shape;
    if (x) {
      const Scaled term{acquire(from, 0), 0};
      kernels_.copy(map(x), map(term), false);
      scale(map(term), x.exponent - exponent);
      kernels_.copyRegion(map(term), 0, 0, 0, y, static_cast<int>(channel), 0, 0, s.c, s.h, s.w, true);
      pool_.release(term.reference);
    }
    if (n.kind == NodeKind::concat) channel += static_cast<size_t>(s.c);
  }
}

void PositivePass::contribute(int value, Scaled contribution) {
  const auto v = static_cast<size_t>(value);
  if (!plan_.backward[v]) {
    pool_.release(contribution.reference);
    return;
  }
  rescale(contribution);
  Scaled& gradient = gradients_[v];
  if (!gradient) {
    gradient = contribution;
    return;
  }
  const int exponent = std::max(gradient.exponent, contribution.exponent);
  scale(map(gradient), gradient.exponent - exponent);
  scale(map(contribution), contribution.exponent - exponent);
  kernels_.copy(map(contribution), map(gradient), true);
  gradient.exponent = exponent;
  pool_.release(contribution.reference);
}

void PositivePass::backward(int index, const Visitor& visit) {
  const Scaled gradient = std::exchange(gradients_[static_cast<size_t>(index)], {});
  const FeatureMap gy = map(gradient);
  const Node& n = node(index);
  if (n.kind == NodeKind::zero || n.kind == NodeKind::hardSigmoid || n.kind == NodeKind::sigmoid || n.inputs.empty()) {
    pool_.release(gradient.reference);
    return;
  }
  for (size_t k = 0, channel = 0; k < n.inputs.size(); ++k) {
    const int from = operand(index, k);
    const FeatureMap x = valueMap(from);
    const bool further = plan_.backward[static_cast<size_t>(from)] != 0;
    Scaled contribution{acquire(from, gradientHalo_[static_cast<size_t>(from)]), gradient.exponent};
    const FeatureMap gx = map(contribution);
    switch (n.kind) {
      case NodeKind::conv2d:
        kernels_.convBackwardWeights(convShape(graph_, index), x, gy, weightGradient_.data(), nullptr, scratch_.data());
        visit(index, weightGradient_.data(), gradient.exponent + values_[static_cast<size_t>(from)].exponent);
        if (further)
          kernels_.convBackwardData(convShape(graph_, index), gy, weights_.packedBackward(index), gx, false,
                                    scratch_.data());
        break;
      case NodeKind::linear:
        kernels_.linearBackward(x, gy, weights_.weight(index), &gx, false, weightGradient_.data(), nullptr,
                                scratch_.data());
        visit(index, weightGradient_.data(), gradient.exponent + values_[static_cast<size_t>(from)].exponent);
        break;
      case NodeKind::add:
        kernels_.copy(gy, gx, false);
        break;
      case NodeKind::concat:
        kernels_.copyRegion(gy, static_cast<int>(channel), 0, 0, gx, 0, 0, 0, gx.c, gx.h, gx.w, false);
        break;
      case NodeKind::maxPool:
        kernels_.maxPoolBackward(
            poolShape(n), gy, reinterpret_cast<const int32_t*>(maxima_[static_cast<size_t>(index)].data()), gx, false);
        break;
      case NodeKind::avgPool:
        kernels_.avgPoolBackward(poolShape(n), gy, gx, false);
        break;
      case NodeKind::globalAvgPool:
        kernels_.globalPoolBackward(gy, gx, false);
        break;
      case NodeKind::multiply: {
        const int other = operand(index, 1 - k);
        contribution.exponent += values_[static_cast<size_t>(other)].exponent;
        if (gx.h == gy.h && gx.w == gy.w)
          kernels_.multiply(gy, valueMap(other), gx, false);
        else
          kernels_.productSums(valueMap(other), gy, gx, false);
        break;
      }
      case NodeKind::slice:
        kernels_.fill(gx, 0.0f);
        kernels_.copyRegion(gy, 0, 0, 0, gx, n.axis == 1 ? n.begin : 0, n.axis == 2 ? n.begin : 0,
                            n.axis == 3 ? n.begin : 0, gy.c, gy.h, gy.w, true);
        break;
      default:
        kernels_.fill(gx, 0.0f);
    }
    if (n.kind == NodeKind::concat) channel += static_cast<size_t>(node(from).shape.c);
    contribute(from, contribution);
  }
  pool_.release(gradient.reference);
}

}  // namespace eznas
