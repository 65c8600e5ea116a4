#pragma once
#include <cstdint>
#include <vector>

#include "native/core/collect.h"
#include "native/core/feature_pool.h"
#include "native/core/halos.h"
#include "native/core/plan.h"
#include "native/core/recorder.h"
#include "native/core/weights.h"

namespace eznas {

/// Sees the feature maps of a pass as they come to be. Values are those of the plan; what is known to be zero is not
/// computed, and so not seen going forward.
class PassObserver {
 public:
  virtual ~PassObserver() = default;
  virtual void computed(int /*value*/, const FeatureMap& /*map*/) {}
  /// Writes the gradient that the backward pass starts from, when the plan wants logits; false leaves it to ones.
  virtual bool seed(const FeatureMap& /*logits*/, const FeatureMap& /*gradient*/) { return false; }
  /// The gradient of a value is complete, and goes on as the observer leaves it. `map` is the value's own where the
  /// plan keeps maps, else empty.
  virtual void differentiated(int /*value*/, const FeatureMap& /*map*/, const FeatureMap& /*gradient*/) {}
  /// The map that says which pieces an activation is on, both ways: one of the plan's slope(); nullptr for its own.
  virtual const FeatureMap* pieces(int /*value*/) { return nullptr; }
};

/// Where a pass leaves what it computes; each may be nullptr where it is not wanted.
struct PassOutputs {
  Recorder* recorder = nullptr;
  std::vector<float>* logits = nullptr;
  Gradients* gradients = nullptr;
  PassObserver* observer = nullptr;
};

/// Runs the passes of one plan over one network on the calling thread, forward and then backward from a gradient of
/// ones at the output, or the observer's. Feature maps are let go as soon as nothing reads them any more.
class Executor {
 public:
  Executor(const Graph& graph, const Plan& plan, const Weights& weights, int batch, const NetworkKernels& kernels);
  /// input: batch × C × H × W, row-major.
  void run(const float* input, const PassOutputs& outputs);

 private:
  using Reference = FeaturePool::Reference;
  /// What is known of a value's gradient so far: a map of its own that contributions are added into, and maps of other
  /// gradients that equal a contribution.
  struct Gradient {
    Reference own;
    std::vector<Reference> equal;
  };
  struct Normalization {
    std::vector<float> mean, inverseStd;
  };

  const Node& node(int index) const { return graph_.nodes[static_cast<size_t>(index)]; }
  int operand(int index, size_t i = 0) const { return plan_.input(graph_, index, i); }
  bool isZero(int value) const { return plan_.zero[static_cast<size_t>(value)] != 0; }
  bool wantsGradient(int value) const { return plan_.backward[static_cast<size_t>(value)] != 0; }
  bool records(Kind kind) const { return (plan_.wants.kinds & kind) != 0; }

  Reference acquire(int value, int halo);
  /// The feature map of a value; zeros where it is known to be zero.
  FeatureMap map(int value);
  void doneReading(int value);

  void forward(int index, const float* input);
  void convolve(int index);
  void normalize(int index);
  void normalizeZeros(int index);
  void activate(int index);
  void concatenate(int index);
  void poolMaximum(int index);
  void recordForward(int index);
  void startBackward(int output);
  void observeBackward(int index, const FeatureMap& gradient);

  /// Map that a contribution to the value's gradient goes to, and whether it is to be added.
  FeatureMap target(int value, bool& accumulate);
  /// The complete gradient, with one reference; nothing is left in the table.
  Reference resolve(int value);
  void backward(int index);
  void convolveBackward(int index, const FeatureMap& gradient);
  void convolveBackwardData(int index, const FeatureMap& gradient);
  /// Whether a unit's T1G comes from the gradient of its convolution's input, whose value this is.
  bool recordsThere(int unit, int value) const {
    return records(kKindT1G) && plan_.direct[static_cast<size_t>(unit)] && !isZero(value);
  }
  void recordSlope(int unit, const FeatureMap& gradient);
  void normalizeBackward(int index, const FeatureMap& gradient);
  void activateBackward(int index, const FeatureMap& gradient);
  void multiplyBackward(int index, const FeatureMap& gradient);
  void sliceBackward(int index, const FeatureMap& gradient);
  void linearBackward(int index, const FeatureMap& gradient);
  void recordBackward(int index, Reference gradient);
  /// Storage for the gradients of a node's weight and bias.
  float* weightGradient(int index);
  float* biasGradient(int index);

  const Graph& graph_;
  const Plan& plan_;
  const Weights& weights_;
  const NetworkKernels& kernels_;
  Halos halos_;
  int batch_;
  PassOutputs outputs_;
  FeaturePool pool_;
  Buffer scratch_, gradientScratch_;
  std::vector<Reference> maps_;  // by holder
  std::vector<int> uses_;        // reads still to come, by holder
  std::vector<Gradient> gradients_;
  std::vector<Normalization> normalizations_;  // by batchNorm node
  std::vector<Buffer> maxima_;                 // by maxPool node: positions, as int32
  std::vector<std::vector<double>> sums_;      // by conv node: Σ and Σ² per channel, for the batchNorm that follows
};

}  // namespace eznas
