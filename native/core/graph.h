#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace eznas {

/// Node kinds, in the order of lib/graph/graph.ts.
enum class NodeKind : int32_t {
  input,
  conv2d,
  batchNorm,
  relu,
  add,
  concat,
  maxPool,
  avgPool,
  globalAvgPool,
  linear,
  zero,
  identity,
  slice,
  relu6,
  hardSwish,
  hardSigmoid,
  sigmoid,
  multiply,
};
inline constexpr int kNodeKindCount = 18;

/// Name of a kind, as lib/graph/graph.ts has it.
const char* kindName(NodeKind kind);

inline bool isActivation(NodeKind kind) {
  return kind == NodeKind::relu || kind == NodeKind::relu6 || kind == NodeKind::hardSwish ||
         kind == NodeKind::hardSigmoid || kind == NodeKind::sigmoid;
}

/// Shape of one sample: channels × height × width. A linear layer's output is features × 1 × 1.
struct SampleShape {
  int c = 0, h = 0, w = 0;
  bool operator==(const SampleShape&) const = default;
};

/// Attributes of convolutions and pools; unused ones keep their defaults.
struct Window {
  int kernelH = 1, kernelW = 1, strideH = 1, strideW = 1, padH = 0, padW = 0, dilationH = 1, dilationW = 1;
};

struct Node {
  NodeKind kind = NodeKind::input;
  std::vector<int> inputs;           // earlier nodes
  Window window;                     // conv2d, maxPool, avgPool
  int outChannels = 0;               // conv2d; linear: features
  int groups = 1;                    // conv2d
  bool bias = false;                 // conv2d, linear
  bool affine = true;                // batchNorm: scale and shift count as parameters
  bool scaled = false;               // batchNorm: they are among the parameters; else they are 1 and 0
  bool ceilMode = false;             // pools
  bool countPadding = true;          // avgPool: padded positions count in the divisor
  int stride = 1;                    // zero: output is ceil(h / stride) × ceil(w / stride)
  int axis = 0, begin = 0, end = 0;  // slice: axis 1 channels, 2 height, 3 width; half-open
  SampleShape shape;                 // of the output, inferred
};

/// An activation, a convolution and a normalization whose 22 tensors are recorded (lib/graph/units.ts says which make a
/// unit). The activation may stand before the convolution, read by it or not, or after the normalization; where nothing
/// normalizes, the convolution itself stands in its place.
struct Unit {
  int relu = 0, conv = 0, batchNorm = 0;
};

/// One parameter tensor: its node, role and shape. Order is node order, weight before bias, scale before shift.
struct Parameter {
  int node = 0;
  enum class Role { weight, bias, scale, shift } role = Role::weight;
  std::vector<int> shape;
  size_t size = 0;
};

/// A validated network. Nodes stand in topological order; the last word on shapes is here, whatever the caller thinks.
struct Graph {
  std::vector<Node> nodes;
  std::vector<Unit> units;
  std::vector<Parameter> parameters;
  int output = 0;
};

/// Decodes and validates the int32 words that lib/graph/encode.ts writes:
///   header: version (1), node count, unit count, output node, input channels, height, width
///   node:   kind, input count, inputs…, attributes of its kind:
///     conv2d: outChannels, kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW, groups, bias
///     batchNorm: 0, 1 affine or 2 scaled;  maxPool: kernelH, kernelW, strideH, strideW, padH, padW, ceilMode
///     avgPool: as maxPool, then countPadding;  linear: features, bias;  zero: stride;  slice: axis, begin, end
///   unit:   relu, conv, batchNorm
/// Throws Error(INVALID_GRAPH) naming node and reason, Error(TOO_LARGE) for sizes refused before any allocation.
Graph decodeGraph(std::span<const int32_t> words);

}  // namespace eznas
