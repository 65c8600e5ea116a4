#pragma once
// What lowering the two directions of a pass shares: buffers, steps with their levels, geometry of convolutions.
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include "kernels/cuda/batch_norm.h"
#include "native/core/graph.h"
#include "native/cuda/conv_geometry.h"
#include "native/cuda/network_program.h"

namespace eznas::cuda {

/// All that convolutions of one shape need to know.
struct ConvGeometry {
  ConvShape shape;
  int h = 0, w = 0;
  SweepAndPacking forward;
  std::vector<SweepAndPacking> backward;
  ConvWeights weights;
};

bool isDepthwise(const ConvShape& shape);
/// The shape of a convolution's step, and back.
StepKey convKey(Op op, const ConvShape& shape, int h, int w, bool relu, int phase);
ConvShape convShapeOf(const StepKey& key);

class ProgramBuilder {
 public:
  ProgramBuilder(const Graph& graph, const Plan& plan, int batch);
  NetworkProgram take();

 protected:
  const Node& node(int index) const { return graph_.nodes[static_cast<size_t>(index)]; }
  int operand(int index, size_t i = 0) const { return plan_.input(graph_, index, i); }
  bool isZero(int value) const { return plan_.zero[static_cast<size_t>(value)] != 0; }
  int holder(int value) const { return plan_.holder[static_cast<size_t>(value)]; }
  bool wants(Kind kind) const { return (plan_.wants.kinds & kind) != 0; }
  int channels(int value) const { return node(value).shape.c; }
  int pixels(int value) const { return node(value).shape.h * node(value).shape.w; }
  /// Numbers of a value's map.
  size_t volume(int value) const;

  Operand buffer(size_t floats, Room room = Room::arena);
  /// Zeros of at least this size.
  Operand zeros(size_t floats);
  void setRecorded(Operand buffer) { program_.buffers[static_cast<size_t>(buffer.buffer)].room = Room::recorded; }
  void record(int unit, Kind kind, Operand buffer);

  /// Adds a step behind those that wrote what it reads.
  Step& emit(Op op, std::initializer_list<int32_t> shape, std::initializer_list<Operand> reads,
             std::initializer_list<Operand> writes);
  Step& emit(const StepKey& key, std::initializer_list<Operand> reads, std::initializer_list<Operand> writes);
  /// y = Σ terms.
  void emitSum(int channels, int pixels, const std::vector<Term>& terms, Operand y);
  void setOperands(Step& step, std::initializer_list<Operand> operands);
  /// From here on steps belong to the backward direction.
  void startBackward() { backward_ = true; }

  const ConvGeometry& geometry(int conv);
  /// A normalization's scale and shift are its weight and bias; none where it has none of its own.
  Operand weight(int node) const;
  Operand bias(int node) const;
  /// Index of a node's weight among the parameters, −1 where it has none; its bias follows.
  int weightParameter(int node) const { return weightOf_[static_cast<size_t>(node)]; }
  /// Weights packed for the forward direction, or for a phase of the backward one.
  Operand packedForward(int conv);
  Operand packedBackward(int conv, size_t phase);

  const Graph& graph_;
  const Plan& plan_;
  const int batch_;
  NetworkProgram program_;

 private:
  struct Written {
    int forward = -1, backward = -1;  // level of the last step that wrote a buffer
  };
  /// Level and times of a step that reads and writes these.
  void place(Step& step, std::span<const Operand> reads, std::span<const Operand> writes);
  void touch(int32_t buffer, int time);
  void layOut();

  ParameterLayout parameters_;
  std::vector<int> weightOf_;     // by node
  std::vector<Written> written_;  // by buffer
  std::vector<ConvGeometry> geometries_;
  std::vector<int> geometryOf_;  // by node
  int32_t parameterBuffer_ = -1, zeroBuffer_ = -1;
  bool backward_ = false;
};

}  // namespace eznas::cuda
