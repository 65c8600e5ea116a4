#pragma once
// One network's pass as a list of steps on the device: what the plan's nodes become, before anything is allocated.
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "native/core/plan.h"

namespace eznas::cuda {

/// What one step computes; each is a launch, or a few, over all items of equal shape.
enum class Op : int32_t {
  convForward,
  convBackward,  // one phase of the stride
  convWeights,
  depthwiseForward,
  depthwiseBackward,
  depthwiseWeights,
  biasGradient,
  batchStatistics,
  normalizeBackward,
  sum,
  activate,
  activateBackward,
  multiply,
  productSums,  // the gradient of gates
  copyRegion,
  fill,
  maxPool,
  maxPoolBackward,
  avgPool,
  avgPoolBackward,
  globalPool,
  globalPoolBackward,
  linear,
  linearBackward,
  linearWeights,
  packForward,   // weights as convForward reads them
  packBackward,  // as one phase of convBackward reads them
};
inline constexpr int kOpCount = 27;

/// Steps of equal key are one launch. `shape` holds, by op (batch is the same for all):
///   conv…, pack…: inChannels, outChannels, groups, kernelH, kernelW, strideH, strideW, padH, padW, dilationH,
///     dilationW, h, w (of the input), relu (the input is rectified on the way), phase (convBackward, packBackward)
///   biasGradient, batchStatistics, normalizeBackward, sum, productSums: channels, pixels
///   activate…: channels, pixels, Activation;  multiply: channels, pixels, 1 where the factor is one number per channel
///   fill: channels, pixels, bits of the value, 1 where it is one row of channels instead of a batch of maps
///   copyRegion: channels, height, width, fromImage, fromChannel, fromRow, toImage, toChannel, toRow
///   …Pool…: channels, h, w, outH, outW, kernelH, kernelW, strideH, strideW, padH, padW, countPadding
///   globalPool…: channels, pixels;  linear…: inputs, features
struct StepKey {
  Op op{};
  std::array<int32_t, 15> shape{};
  bool operator==(const StepKey&) const = default;
};

/// Where a buffer lies. Arenas are reused from step to step, the rest stands for the whole call or longer.
enum class Room : uint8_t {
  arena,
  recorded,    // kept for the caller, or for a later pass
  parameters,  // the network's parameters
  packed,      // weights as convolutions read them
  counters,    // of blocks that have arrived; zero between launches
  input,       // of the pass
  zeros,       // read only
  logits,
};

struct Buffer {
  size_t floats = 0;
  Room room = Room::arena;
  int firstStep = -1, lastStep = -1;  // times of first and last use (NetworkProgram::time)
  size_t offset = 0;                  // floats from the start of the room's part for this network
};

/// A buffer, from an element on; none where buffer is −1.
struct Operand {
  int32_t buffer = -1;
  uint32_t element = 0;
  explicit operator bool() const { return buffer >= 0; }
};

/// A term of a sum: x, or (x − mean)·inverseStd, or that·scale + shift.
struct Term {
  Operand x{}, mean{}, inverseStd{}, scale{}, shift{};
};

inline constexpr size_t kMostOperands = 11;
/// A step's operands, by op, in the order of the kernels' items:
///   convForward: x, packed, bias, y, –, –, partials, arrivals, mean, inverseStd;  convBackward: gy, packed, –, gx,
///     mask, masked;  convWeights: x, gy, partials, gradient
///   depthwise…: as conv… with plain weights;  depthwiseWeights, linearWeights: x, gy, gradient
///   biasGradient: gy, gradient;  batchStatistics: x, partials, arrivals, mean, inverseStd
///   normalizeBackward: x, gy, mean, inverseStd, partials, arrivals, coefficients, gx, scale, gScale, gShift
///   sum: y;  activate: x, y;  activateBackward: from, gy, gx;  multiply: x, factor, y;  productSums: gy, x, gFactor
///   copyRegion: from, to;  fill: y
///   maxPool: x, y, positions;  maxPoolBackward: gy, positions, gx;  other pools: from, to
///   linear: x, weights, bias, y;  linearBackward: gy, weights, gx;  pack…: weights, packed
struct Step {
  StepKey key;
  int level = 0;  // within forward or backward: steps of one level do not depend on each other
  bool backward = false;
  std::array<Operand, kMostOperands> operands{};
  int firstTerm = 0, terms = 0;  // of a sum
};

/// A recorded tensor of a unit. Tensors that are recorded nowhere are zeros.
struct Record {
  int32_t unit = 0;
  uint32_t kind = 0;  // index of the Kind
  int32_t buffer = -1;
};

struct NetworkProgram {
  std::vector<Buffer> buffers;
  std::vector<Step> packing;  // once, before the first pass
  std::vector<Step> steps;    // in an order that respects dependencies
  std::vector<Term> terms;
  int forwardLevels = 0, backwardLevels = 0;
  std::vector<Record> records;
  int32_t logits = -1, inputGradient = -1;
  std::vector<int32_t> parameterGradients;  // by parameter, for all gradients; −1: zero

  // Floats of each room.
  size_t arena = 0, recorded = 0, packed = 0, counters = 0, zeros = 0, logitFloats = 0;

  int time(const Step& step) const { return step.backward ? forwardLevels + step.level : step.level; }
};

/// Floats of the parameters of a graph and the offset of each, in Graph::parameters order: all start at multiples
/// of 16.
struct ParameterLayout {
  explicit ParameterLayout(const Graph& graph);
  std::vector<size_t> offsets;
  size_t floats = 0;
};

/// Lowers a plan. Throws Error(TOO_LARGE) naming a node whose feature maps have 2³¹ numbers or more.
NetworkProgram lowerNetwork(const Graph& graph, const Plan& plan, int batch);

}  // namespace eznas::cuda
