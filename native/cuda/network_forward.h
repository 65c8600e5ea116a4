#pragma once
#include <vector>

#include "native/cuda/network_builder.h"

namespace eznas::cuda {

class ForwardLowering : public ProgramBuilder {
 public:
  ForwardLowering(const Graph& graph, const Plan& plan, int batch);
  void lowerForward();

 protected:
  struct Statistics {
    Operand mean, inverseStd;
  };
  /// A value's map, or what becomes it by max(0, x).
  struct Rectified {
    Operand map;
    bool relu = false;
  };

  /// The map of a value; zeros where it is known to be zero.
  Operand map(int value);
  Rectified rectified(int value);
  /// Whether no map of a ReLU is written, since its readers, all convolutions, rectify on the way.
  bool rectifiedByReaders(int value) const;
  bool onlyConvolutionsRead(int value) const;
  bool isOutput(int value) const;
  /// Copies a box between two values' maps; `behind` what was written to the target before.
  void copy(Operand from, int fromValue, Operand to, int toValue, const SampleShape& box, bool behind);
  uint32_t sliceStart(int slice) const;
  /// Whether a product's factor is one number per image and channel.
  bool gates(int multiply) const;
  int inputsOf(int linear) const;
  StepKey poolKey(Op op, int pool) const;
  Operand counters(int count);
  Operand doubles(size_t count);
  Operand perChannel(int value);
  /// What a batch normalization subtracts and multiplies by, known without a look where its input is zero.
  Statistics statisticsOf(int batchNorm);

  std::vector<Operand> maps_;                // by holder
  std::vector<Operand> positions_;           // by max pool
  std::vector<Statistics> statistics_;       // by value that a batch normalization reads
  std::vector<std::vector<int>> consumers_;  // by value: nodes that read it, once per operand

 private:
  bool recordsMapOf(int value) const;
  /// Whether no map of a batch normalization is written, since its readers, all sums, normalize on the way.
  bool normalizedByReaders(int value) const;
  Term term(int value);
  Term normalized(int batchNorm);
  void forward(int index);
  void convolve(int index);
  void normalize(int index);
  void recordForward(int index);
};

}  // namespace eznas::cuda
