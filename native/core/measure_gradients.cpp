// Measures of the loss's gradients with respect to weights and layer outputs.
#include <algorithm>
#include <cmath>
#include <utility>

#include "native/core/measure_run.h"

namespace eznas {
namespace {

/// Starts the backward pass from the mean cross-entropy of the labels: (softmax(logits) − one-hot) / B.
class CrossEntropy : public PassObserver {
 public:
  explicit CrossEntropy(std::span<const int32_t> labels) : labels_(labels) {}
  bool seed(const FeatureMap& logits, const FeatureMap& gradient) override {
    std::vector<double> shares(static_cast<size_t>(logits.c));
    for (int i = 0; i < logits.n; ++i) {
      const auto logit = [&](int c) { return static_cast<double>(logits.at(i, c / kLanes, 0, 0)[c % kLanes]); };
      double largest = logit(0), total = 0;
      for (int c = 1; c < logits.c; ++c) largest = std::max(largest, logit(c));
      for (int c = 0; c < logits.c; ++c) total += shares[static_cast<size_t>(c)] = std::exp(logit(c) - largest);
      for (int c = 0; c < logits.c; ++c) {
        const double hit = c == labels_[static_cast<size_t>(i)] ? 1 : 0;
        gradient.at(i, c / kLanes, 0, 0)[c % kLanes] =
            static_cast<float>((shares[static_cast<size_t>(c)] / total - hit) / logits.n);
      }
    }
    return true;
  }

 private:
  std::span<const int32_t> labels_;
};

/// Σ over layers and their output channels of the mean over images of ½ (Σ over positions of activation · gradient)².
class Fisher : public PassObserver {
 public:
  explicit Fisher(const Graph& graph) : graph_(graph) {}
  void differentiated(int value, const FeatureMap& map, const FeatureMap& gradient) override {
    const NodeKind kind = graph_.nodes[static_cast<size_t>(value)].kind;
    if ((kind != NodeKind::conv2d && kind != NodeKind::linear) || map.data == nullptr) return;
    for (int i = 0; i < map.n; ++i) {
      for (int b = 0; b < map.blocks(); ++b) {
        double products[kLanes] = {};
        for (int y = 0; y < map.h; ++y) {
          const float* a = map.at(i, b, y, 0);
          const float* g = gradient.at(i, b, y, 0);
          for (int x = 0; x < map.w; ++x)
            for (int l = 0; l < kLanes; ++l) products[l] += static_cast<double>(a[x * kLanes + l]) * g[x * kLanes + l];
        }
        for (const double product : products) total_ += product * product / 2 / map.n;
      }
    }
  }
  double total() const { return total_; }

 private:
  const Graph& graph_;
  double total_ = 0;
};

double norm(const float* x, size_t size) {
  double square = 0;
  for (size_t i = 0; i < size; ++i) square += static_cast<double>(x[i]) * x[i];
  return std::sqrt(square);
}

/// The pieces that every activation of a pass was on, to be kept to in others.
class Pieces : public PassObserver {
 public:
  Pieces(const Graph& graph, int batch, const NetworkKernels& kernels)
      : kernels_(kernels),
        pool_(batch),
        source_(graph.nodes.size(), -1),
        isSource_(graph.nodes.size(), 0),
        maps_(graph.nodes.size()) {
    const Plan plan(graph, {.allValues = true});
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      if (!isActivation(graph.nodes[i].kind)) continue;
      source_[i] = plan.slope(graph, static_cast<int>(i));
      isSource_[static_cast<size_t>(source_[i])] = 1;
    }
  }
  void computed(int value, const FeatureMap& map) override {
    if (frozen_ || isSource_[static_cast<size_t>(value)] == 0) return;
    FeatureMap& kept = maps_[static_cast<size_t>(value)];
    kept = pool_.map(pool_.acquire(map.c, map.h, map.w, 0));
    kernels_.copy(map, kept, false);
  }
  /// What is known to be zero was never seen, and is on the same pieces in every pass.
  const FeatureMap* pieces(int value) override {
    const FeatureMap& kept = maps_[static_cast<size_t>(source_[static_cast<size_t>(value)])];
    return frozen_ && kept.data != nullptr ? &kept : nullptr;
  }
  void freeze() { frozen_ = true; }

 private:
  const NetworkKernels& kernels_;
  FeaturePool pool_;
  std::vector<int> source_;        // by activation: the value that tells its pieces
  std::vector<uint8_t> isSource_;  // by value
  std::vector<FeatureMap> maps_;   // by value
  bool frozen_ = false;
};

}  // namespace

GradientRun::GradientRun(const MeasureRun& run, const Weights& weights, int batch, PassWants extra)
    : plan_(run.graph(),
            {.logits = true, .allGradients = true, .allValues = extra.allValues, .keepMaps = extra.keepMaps}),
      executor_(run.graph(), plan_, weights, batch, run.kernels) {
  const SampleShape& shape = run.minibatch().shape;
  // What no gradient reaches stays zero.
  gradients_.input.assign(static_cast<size_t>(batch) * shape.c * shape.h * shape.w, 0.0f);
  for (const Parameter& parameter : run.graph().parameters) gradients_.parameters.emplace_back(parameter.size, 0.0f);
}

const Gradients& GradientRun::operator()(const float* images, std::span<const int32_t> labels, PassObserver* observer) {
  CrossEntropy loss(labels);
  Observers all;
  if (!labels.empty()) all.add(&loss);
  if (observer != nullptr) all.add(observer);
  executor_.run(images, {.logits = &gradients_.logits, .gradients = &gradients_, .observer = &all});
  return gradients_;
}

void measureWeights(MeasureRun& run) {
  if (!run.asks(Measure::l2Norm)) return;
  double total = 0;
  forEachWeight(run.graph(),
                [&](size_t p) { total += norm(run.weights.parameter(p), run.graph().parameters[p].size); });
  run.set(Measure::l2Norm, total);
}

void measureLossGradients(MeasureRun& run, SignPatterns* patterns) {
  Observers observers;
  Fisher fisher(run.graph());
  if (patterns != nullptr) observers.add(patterns);
  if (run.asks(Measure::fisher)) observers.add(&fisher);
  GradientRun gradients(run, run.weights, run.minibatch().batch,
                        {.allValues = patterns != nullptr, .keepMaps = run.asks(Measure::fisher)});
  const Gradients& found = gradients(run.images(), run.request.labels, &observers);
  double norms = 0, products = 0, magnitudes = 0;
  forEachWeight(run.graph(), [&](size_t p) {
    const float* w = run.weights.parameter(p);
    const std::vector<float>& g = found.parameters[p];
    norms += norm(g.data(), g.size());
    for (size_t i = 0; i < g.size(); ++i) {
      const double product = static_cast<double>(w[i]) * g[i];
      products += product;
      magnitudes += std::abs(product);
    }
  });
  if (run.asks(Measure::gradNorm)) run.set(Measure::gradNorm, norms);
  if (run.asks(Measure::plain)) run.set(Measure::plain, products);
  if (run.asks(Measure::snip)) run.set(Measure::snip, magnitudes);
  if (run.asks(Measure::fisher)) run.set(Measure::fisher, fisher.total());
}

void measureHalves(MeasureRun& run) {
  const int half = run.minibatch().batch / 2;
  const std::span<const int32_t> labels(run.request.labels);
  GradientRun gradients(run, run.weights, half);
  const std::vector<std::vector<float>> first =
      gradients(run.images(), labels.first(static_cast<size_t>(half))).parameters;
  const std::vector<std::vector<float>>& second =
      gradients(run.images(half), labels.subspan(static_cast<size_t>(half), static_cast<size_t>(half))).parameters;
  double score = 0;
  forEachWeight(run.graph(), [&](size_t p) {
    double total = 0;
    for (size_t i = 0; i < first[p].size(); ++i) {
      const double a = first[p][i], b = second[p][i];
      // Of two numbers: the mean magnitude over the standard deviation.
      if (a != b) total += (std::abs(a) + std::abs(b)) / std::abs(a - b);
    }
    if (total > 0) score += std::log(total);
  });
  run.set(Measure::zico, score);
}

void measureSamples(MeasureRun& run) {
  const std::span<const int32_t> labels(run.request.labels);
  GradientRun gradients(run, run.weights, 1);
  std::vector<std::vector<int32_t>> signs;
  for (const Parameter& parameter : run.graph().parameters) signs.emplace_back(parameter.size, 0);
  for (int image = 0; image < run.minibatch().batch; ++image) {
    const Gradients& found = gradients(run.images(image), labels.subspan(static_cast<size_t>(image), 1));
    forEachWeight(run.graph(), [&](size_t p) {
      const std::vector<float>& g = found.parameters[p];
      for (size_t i = 0; i < g.size(); ++i) signs[p][i] += (g[i] > 0) - (g[i] < 0);
    });
  }
  double total = 0;
  forEachWeight(run.graph(), [&](size_t p) {
    for (const int32_t sign : signs[p]) total += std::abs(sign);
  });
  run.set(Measure::gradSign, total);
}

void measureCurvature(MeasureRun& run) {
  // −Σ w ⊙ (H g) = −gᵀ (H w), and H w is how the gradient changes when all weights grow together: −d/dε g·∇L((1 + ε)
  // w). The central difference of two steps is exact to ε⁴. Activations stay on their pieces at w, as the second
  // derivative has it.
  constexpr double kStep = 0.02;
  const Graph& graph = run.graph();
  Pieces pieces(graph, run.minibatch().batch, run.kernels);
  const auto gradientsAt = [&](double shift) {
    std::vector<std::vector<float>> moved;
    for (size_t p = 0; p < graph.parameters.size(); ++p) {
      const float* w = run.weights.parameter(p);
      const bool isWeight = graph.parameters[p].role == Parameter::Role::weight;
      moved.emplace_back(w, w + graph.parameters[p].size);
      if (isWeight)
        for (float& x : moved.back()) x = static_cast<float>(x * (1 + shift));
    }
    Weights weights(graph, moved, 0, 0);
    weights.pack(graph, run.kernels, true);
    GradientRun gradients(run, weights, run.minibatch().batch);
    return gradients(run.images(), run.request.labels, &pieces).parameters;
  };
  const std::vector<std::vector<float>> here = gradientsAt(0);
  pieces.freeze();
  const auto along = [&](double shift) {
    const std::vector<std::vector<float>> there = gradientsAt(shift);
    double product = 0;
    forEachWeight(graph, [&](size_t p) {
      for (size_t i = 0; i < here[p].size(); ++i) product += static_cast<double>(here[p][i]) * there[p][i];
    });
    return product;
  };
  const double near = along(kStep) - along(-kStep), far = along(2 * kStep) - along(-2 * kStep);
  run.set(Measure::grasp, -(8 * near - far) / (12 * kStep));
}

}  // namespace eznas
