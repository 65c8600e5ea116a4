#pragma once
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "native/core/executor.h"
#include "native/core/proxies.h"
#include "native/core/sign_patterns.h"

namespace eznas {

/// One network on its way through the measures.
struct MeasureRun {
  const MeasureRequest& request;
  const NetworkRequest& network;
  const NetworkKernels& kernels;
  Weights weights;  // packed for both directions
  std::vector<int32_t> blocks;
  std::vector<double> scores = std::vector<double>(kMeasureCount, std::numeric_limits<double>::quiet_NaN());

  MeasureRun(const MeasureRequest& asked, size_t index);
  const Graph& graph() const { return network.graph; }
  const Minibatch& minibatch() const { return request.networks.minibatch; }
  bool asks(Measure measure) const { return request.asks(measure); }
  void set(Measure measure, double score) { scores[static_cast<size_t>(measure)] = score; }
  /// Images of the minibatch from number `first` on.
  const float* images(int first = 0) const {
    const SampleShape& s = minibatch().shape;
    return minibatch().data.data() + static_cast<size_t>(first) * s.c * s.h * s.w;
  }
};

/// Hands everything on to several observers.
class Observers : public PassObserver {
 public:
  void add(PassObserver* observer) { observers_.push_back(observer); }
  void computed(int value, const FeatureMap& map) override {
    for (PassObserver* observer : observers_) observer->computed(value, map);
  }
  bool seed(const FeatureMap& logits, const FeatureMap& gradient) override {
    bool seeded = false;
    for (PassObserver* observer : observers_) seeded = observer->seed(logits, gradient) || seeded;
    return seeded;
  }
  void differentiated(int value, const FeatureMap& map, const FeatureMap& gradient) override {
    for (PassObserver* observer : observers_) observer->differentiated(value, map, gradient);
  }
  const FeatureMap* pieces(int value) override {
    for (PassObserver* observer : observers_)
      if (const FeatureMap* found = observer->pieces(value)) return found;
    return nullptr;
  }

 private:
  std::vector<PassObserver*> observers_;
};

/// Gradients of a network's loss, the mean cross-entropy over so many images, or of the sum of its logits where there
/// are no labels. Runs as often as wanted.
class GradientRun {
 public:
  GradientRun(const MeasureRun& run, const Weights& weights, int batch, PassWants extra = {});
  /// The gradients stay until the next call. Observers see the pass.
  const Gradients& operator()(const float* images, std::span<const int32_t> labels, PassObserver* observer = nullptr);
  const Plan& plan() const { return plan_; }

 private:
  Plan plan_;
  Executor executor_;
  Gradients gradients_;
};

/// Calls f(index among the parameters) for every tensor of weights, biases left out.
template <class F>
void forEachWeight(const Graph& graph, F f) {
  for (size_t p = 0; p < graph.parameters.size(); ++p)
    if (graph.parameters[p].role == Parameter::Role::weight) f(p);
}

// The measures, by what they read.
void measureWeights(MeasureRun& run);
void measureLossGradients(MeasureRun& run, SignPatterns* patterns);
void measureInputGradients(MeasureRun& run, SignPatterns* patterns);
void measureHalves(MeasureRun& run);
void measureSamples(MeasureRun& run);
void measureCurvature(MeasureRun& run);
void measurePositive(MeasureRun& run);
void measureNoise(MeasureRun& run);
void measureFeatures(MeasureRun& run);
void measureBlocks(MeasureRun& run);

}  // namespace eznas
