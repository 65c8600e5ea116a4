#pragma once
#include <vector>

#include "native/cuda/network_forward.h"

namespace eznas::cuda {

class BackwardLowering : public ForwardLowering {
 public:
  BackwardLowering(const Graph& graph, const Plan& plan, int batch);
  void lowerBackward();

 private:
  bool wantsGradient(int value) const { return plan_.backward[static_cast<size_t>(value)] != 0; }
  /// Whether a ReLU's gradient is never whole: its readers, all convolutions, mask what they contribute, and that goes
  /// on to the ReLU's input at once.
  bool maskedByReaders(int relu) const;
  /// What a ReLU's gradient is masked by: positive where the ReLU's input is.
  Operand maskOf(int relu);
  /// The gradient before an activation of `gy` behind it.
  Operand activateBackward(int activation, Operand gy);
  void contribute(int value, Operand gradient);
  /// The sum of all contributions to a value's gradient, in the order they came.
  Operand resolve(int value);
  void backward(int index);
  void convolveBackward(int index, Operand gy);
  void convolveWeights(int index, Operand gy);
  void multiplyBackward(int index, Operand gy);
  void normalizeBackward(int index, Operand gy);
  void linearBackward(int index, Operand gy);
  void scatter(int index, Operand gy);
  Operand parameterGradient(size_t parameter);

  std::vector<std::vector<Operand>> contributions_;  // by value
  std::vector<uint8_t> apart_;                       // by value: a ReLU that records the gradient of its readers' sum
};

}  // namespace eznas::cuda
