#pragma once
// A graph run forward in float64, plainly. Gradients come from central differences: where a run is repeated with a
// small addition somewhere, activations keep their pieces and max pools the choice of the undisturbed run, so that the
// function is smooth and its difference quotient is the gradient by PyTorch's conventions.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "native/core/graph.h"

namespace eznas::test {

using Values = std::vector<double>;

/// An activation of x on the piece that p is on.
inline double activated(NodeKind kind, double x, double p) {
  switch (kind) {
    case NodeKind::relu6:
      return p <= 0 ? 0 : p >= 6 ? 6 : x;
    case NodeKind::hardSwish:
      return p <= -3 ? 0 : p >= 3 ? x : x * (x + 3) / 6;
    case NodeKind::hardSigmoid:
      return p <= -3 ? 0 : p >= 3 ? 1 : (x + 3) / 6;
    case NodeKind::sigmoid:
      return 1 / (1 + std::exp(-x));
    default:
      return p > 0 ? x : 0;
  }
}

/// Its slope at x.
inline double slopeAt(NodeKind kind, double x) {
  constexpr double kStep = 1e-6;
  return (activated(kind, x + kStep, x) - activated(kind, x - kStep, x)) / (2 * kStep);
}

/// An addition to one element: of a node's output, of what one node reads from its first input, or of a parameter.
struct Disturbance {
  enum class Place { output, operand, parameter } place = Place::output;
  int index = 0;  // node, or parameter
  size_t element = 0;
  double amount = 0;
};

class ReferenceNetwork {
 public:
  ReferenceNetwork(const Graph& graph, const std::vector<std::vector<float>>& parameters, int batch)
      : graph_(graph), batch_(batch) {
    for (const auto& p : parameters) parameters_.emplace_back(p.begin(), p.end());
  }

  /// Fixes signs and choices; returns all nodes' values.
  const std::vector<Values>& settle(const std::vector<float>& input) {
    input_.assign(input.begin(), input.end());
    settled_.clear();
    choices_.assign(graph_.nodes.size(), {});
    settled_ = run(std::nullopt);
    return settled_;
  }

  /// The largest mean over spread of a channel that a normalization read: how many times it magnifies rounding.
  double cancellation() const { return cancellation_; }

  /// Derivative of the sum of the output by a disturbance of the settled run.
  double derivative(Disturbance d) {
    constexpr double kStep = 1e-5;
    double ends[2] = {0, 0};
    for (const int side : {0, 1}) {
      d.amount = side == 0 ? -kStep : kStep;
      const std::vector<Values> values = run(d);
      for (const double v : values[static_cast<size_t>(graph_.output)]) ends[side] += v;
    }
    return (ends[1] - ends[0]) / (2 * kStep);
  }

 private:
  struct Extent {
    int c, h, w;
    size_t at(int n, int ch, int y, int x) const { return ((static_cast<size_t>(n) * c + ch) * h + y) * w + x; }
  };
  Extent extent(int node) const {
    const SampleShape& s = graph_.nodes[static_cast<size_t>(node)].shape;
    return {s.c, s.h, s.w};
  }

  std::vector<Values> run(const std::optional<Disturbance>& d) {
    std::vector<Values> values;
    for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
      const Node& node = graph_.nodes[static_cast<size_t>(i)];
      std::vector<Values> x;
      for (const int input : node.inputs) x.push_back(values[static_cast<size_t>(input)]);
      if (d && d->place == Disturbance::Place::operand && d->index == i) x[0][d->element] += d->amount;
      const Extent out = extent(i);
      Values y(static_cast<size_t>(batch_) * out.c * out.h * out.w, 0.0);
      compute(i, node, x, y, d);
      if (d && d->place == Disturbance::Place::output && d->index == i) y[d->element] += d->amount;
      values.push_back(std::move(y));
    }
    return values;
  }

  void compute(int i, const Node& node, const std::vector<Values>& x, Values& y, const std::optional<Disturbance>& d) {
    const Extent out = extent(i), in = node.inputs.empty() ? out : extent(node.inputs[0]);
    const bool settled = !settled_.empty();
    switch (node.kind) {
      case NodeKind::input:
        y = input_;
        break;
      case NodeKind::conv2d:
      case NodeKind::linear:
        weighted(i, node, x[0], y, d);
        break;
      case NodeKind::batchNorm:
        normalize(out, x[0], y);
        if (node.scaled) scale(i, out, y, d);
        break;
      case NodeKind::relu:
      case NodeKind::relu6:
      case NodeKind::hardSwish:
      case NodeKind::hardSigmoid:
      case NodeKind::sigmoid: {
        const Values& pieces = settled ? settled_[static_cast<size_t>(node.inputs[0])] : x[0];
        for (size_t k = 0; k < y.size(); ++k) y[k] = activated(node.kind, x[0][k], pieces[k]);
        break;
      }
      case NodeKind::multiply:
        for (size_t k = 0; k < y.size(); ++k) y[k] = x[0][k] * x[1][k * x[1].size() / y.size()];
        break;
      case NodeKind::add:
        for (const Values& term : x)
          for (size_t k = 0; k < y.size(); ++k) y[k] += term[k];
        break;
      case NodeKind::concat: {
        size_t inner = static_cast<size_t>(out.h) * out.w;
        for (int n = 0; n < batch_; ++n) {
          double* to = &y[out.at(n, 0, 0, 0)];
          for (size_t k = 0; k < x.size(); ++k) {
            const size_t count = static_cast<size_t>(extent(node.inputs[k]).c) * inner;
            for (size_t e = 0; e < count; ++e) *to++ = x[k][static_cast<size_t>(n) * count + e];
          }
        }
        break;
      }
      case NodeKind::maxPool:
      case NodeKind::avgPool:
        pool(i, node, x[0], y, in, out);
        break;
      case NodeKind::globalAvgPool:
        for (size_t k = 0, inner = static_cast<size_t>(in.h) * in.w; k < x[0].size(); ++k)
          y[k / inner] += x[0][k] / static_cast<double>(inner);
        break;
      case NodeKind::zero:
        break;
      case NodeKind::identity:
        y = x[0];
        break;
      case NodeKind::slice:
        for (int n = 0; n < batch_; ++n)
          for (int c = 0; c < out.c; ++c)
            for (int h = 0; h < out.h; ++h)
              for (int w = 0; w < out.w; ++w)
                y[out.at(n, c, h, w)] =
                    x[0][in.at(n, c + (node.axis == 1 ? node.begin : 0), h + (node.axis == 2 ? node.begin : 0),
                               w + (node.axis == 3 ? node.begin : 0))];
        break;
    }
  }

  void weighted(int i, const Node& node, const Values& x, Values& y, const std::optional<Disturbance>& d) {
    const Extent in = extent(node.inputs[0]), out = extent(i);
    size_t p = 0;
    while (graph_.parameters[p].node != i) ++p;
    Values weight = parameters_[p], bias(static_cast<size_t>(node.outChannels), 0.0);
    if (node.bias) bias = parameters_[p + 1];
    if (d && d->place == Disturbance::Place::parameter) {
      if (d->index == static_cast<int>(p)) weight[d->element] += d->amount;
      if (node.bias && d->index == static_cast<int>(p) + 1) bias[d->element] += d->amount;
    }
    // A linear layer is a convolution whose kernel covers the input.
    Window win = node.window;
    if (node.kind == NodeKind::linear) win.kernelH = in.h, win.kernelW = in.w;
    const int perGroup = in.c / node.groups, outPerGroup = out.c / node.groups;
    for (int n = 0; n < batch_; ++n)
      for (int oc = 0; oc < out.c; ++oc)
        for (int oy = 0; oy < out.h; ++oy)
          for (int ox = 0; ox < out.w; ++ox) {
            double sum = bias[static_cast<size_t>(oc)];
            for (int ic = 0; ic < perGroup; ++ic)
              for (int ky = 0; ky < win.kernelH; ++ky)
                for (int kx = 0; kx < win.kernelW; ++kx) {
                  const int iy = oy * win.strideH - win.padH + ky * win.dilationH;
                  const int ix = ox * win.strideW - win.padW + kx * win.dilationW;
                  if (iy < 0 || ix < 0 || iy >= in.h || ix >= in.w) continue;
                  const size_t w = ((static_cast<size_t>(oc) * perGroup + ic) * win.kernelH + ky) * win.kernelW + kx;
                  sum += weight[w] * x[in.at(n, oc / outPerGroup * perGroup + ic, iy, ix)];
                }
            y[out.at(n, oc, oy, ox)] = sum;
          }
  }

  void normalize(const Extent& e, const Values& x, Values& y) {
    const int inner = e.h * e.w;
    for (int c = 0; c < e.c; ++c) {
      double mean = 0, variance = 0;
      const double count = static_cast<double>(batch_) * inner;
      for (int n = 0; n < batch_; ++n)
        for (int k = 0; k < inner; ++k) mean += x[e.at(n, c, 0, 0) + k] / count;
      for (int n = 0; n < batch_; ++n)
        for (int k = 0; k < inner; ++k) variance += std::pow(x[e.at(n, c, 0, 0) + k] - mean, 2) / count;
      // Rounding must not decide the signs of a constant channel.
      if (variance < 1e-24) continue;
      cancellation_ = std::max(cancellation_, std::abs(mean) / std::sqrt(variance + 1e-5));
      for (int n = 0; n < batch_; ++n)
        for (int k = 0; k < inner; ++k)
          y[e.at(n, c, 0, 0) + k] = (x[e.at(n, c, 0, 0) + k] - mean) / std::sqrt(variance + 1e-5);
    }
  }

  void scale(int i, const Extent& e, Values& y, const std::optional<Disturbance>& d) {
    size_t p = 0;
    while (graph_.parameters[p].node != i) ++p;
    Values factors = parameters_[p], shifts = parameters_[p + 1];
    if (d && d->place == Disturbance::Place::parameter) {
      if (d->index == static_cast<int>(p)) factors[d->element] += d->amount;
      if (d->index == static_cast<int>(p) + 1) shifts[d->element] += d->amount;
    }
    for (int n = 0; n < batch_; ++n)
      for (int c = 0; c < e.c; ++c)
        for (int k = 0; k < e.h * e.w; ++k) {
          double& value = y[e.at(n, c, 0, 0) + static_cast<size_t>(k)];
          value = value * factors[static_cast<size_t>(c)] + shifts[static_cast<size_t>(c)];
        }
  }

  /// PyTorch's pooling: an average's divisor counts the window clipped to the padded input, or to the input.
  void pool(int i, const Node& node, const Values& x, Values& y, const Extent& in, const Extent& out) {
    const Window& w = node.window;
    const bool settled = !settled_.empty();
    std::vector<size_t>& choice = choices_[static_cast<size_t>(i)];
    choice.resize(y.size());
    for (int n = 0; n < batch_; ++n)
      for (int c = 0; c < out.c; ++c)
        for (int oy = 0; oy < out.h; ++oy)
          for (int ox = 0; ox < out.w; ++ox) {
            const int top = oy * w.strideH - w.padH, left = ox * w.strideW - w.padW;
            const int bottom = std::min(top + w.kernelH, in.h + w.padH),
                      right = std::min(left + w.kernelW, in.w + w.padW);
            const size_t o = out.at(n, c, oy, ox);
            double sum = 0, most = -INFINITY;
            int inside = 0;
            for (int iy = std::max(top, 0); iy < std::min(bottom, in.h); ++iy)
              for (int ix = std::max(left, 0); ix < std::min(right, in.w); ++ix) {
                const size_t k = in.at(n, c, iy, ix);
                sum += x[k];
                ++inside;
                if (!settled && x[k] > most) most = x[k], choice[o] = k;
              }
            if (node.kind == NodeKind::maxPool)
              y[o] = x[choice[o]];
            else
              y[o] = sum / (node.countPadding ? (bottom - top) * (right - left) : inside);
          }
  }

  const Graph& graph_;
  int batch_;
  std::vector<Values> parameters_;
  Values input_;
  double cancellation_ = 0;
  std::vector<Values> settled_;
  std::vector<std::vector<size_t>> choices_;
};

}  // namespace eznas::test
