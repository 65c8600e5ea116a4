#include "native/core/graph.h"

#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "native/core/error.h"

namespace eznas {
namespace {

constexpr int32_t kVersion = 1;
constexpr int kHeaderWords = 7;
constexpr int64_t kMaxNodes = 100'000;
/// Floats of one sample's tensor or of one parameter: beyond this a 32-bit index would not do.
constexpr int64_t kMaxFloats = int64_t{1} << 31;
/// Any single extent (channels, height, width): leaves room for padding and strides in 32-bit arithmetic.
constexpr int64_t kMaxExtent = int64_t{1} << 24;
constexpr int64_t kMaxWindow = int64_t{1} << 16;

constexpr std::array<const char*, kNodeKindCount> kKindNames = {
    "input",  "conv2d", "batchNorm", "relu",  "add",   "concat",    "maxPool",     "avgPool", "globalAvgPool",
    "linear", "zero",   "identity",  "slice", "relu6", "hardSwish", "hardSigmoid", "sigmoid", "multiply"};

std::string text(int64_t value) { return std::to_string(value); }
std::string text(const SampleShape& s) { return text(s.c) + "×" + text(s.h) + "×" + text(s.w); }
std::string text(int64_t a, int64_t b) { return text(a) + "×" + text(b); }

/// Reads the words in order; whatever is missing is reported by the part of the graph that lacks it.
class Words {
 public:
  explicit Words(std::span<const int32_t> words) : words_(words) {}
  int32_t next(const std::string& what) {
    if (position_ >= words_.size())
      throw Error(code::kInvalidGraph,
                  "graph is truncated: " + what + " is missing at word " + text(static_cast<int64_t>(position_)));
    return words_[position_++];
  }
  int32_t peek() const { return words_[position_]; }
  size_t position() const { return position_; }
  size_t left() const { return words_.size() - position_; }

 private:
  std::span<const int32_t> words_;
  size_t position_ = 0;
};

/// Decodes one node and infers its shape from the nodes before it.
class NodeDecoder {
 public:
  NodeDecoder(Words& words, const std::vector<Node>& nodes, SampleShape input)
      : words_(words), nodes_(nodes), inputShape_(input), index_(static_cast<int>(nodes.size())) {}

  Node decode() {
    const int32_t kind = words_.next("kind of node " + text(index_));
    if (kind < 0 || kind >= kNodeKindCount)
      throw Error(code::kInvalidGraph, "node " + text(index_) + ": kind " + text(kind) + " is unknown (0 to " +
                                           text(kNodeKindCount - 1) + ")");
    node_.kind = static_cast<NodeKind>(kind);
    readInputs();
    readAttributes();
    checkSize("output", {node_.shape.c, node_.shape.h, node_.shape.w});
    return std::move(node_);
  }

 private:
  [[noreturn]] void invalid(const std::string& why) const { throw Error(code::kInvalidGraph, label() + ": " + why); }
  std::string label() const { return "node " + text(index_) + " (" + kindName(node_.kind) + ")"; }

  void checkSize(const char* what, std::initializer_list<int64_t> extents) const {
    int64_t floats = 1;
    std::string shown;
    for (const int64_t extent : extents) {
      shown += (shown.empty() ? "" : "×") + text(extent);
      floats = extent > kMaxExtent || floats > kMaxFloats ? kMaxFloats + 1 : floats * extent;
    }
    if (floats > kMaxFloats)
      throw Error(code::kTooLarge, label() + ": its " + what + " of " + shown +
                                       " is over the limit of 2^31 floats, or " + text(kMaxExtent) + " along one axis");
  }

  void readInputs() {
    const int32_t count = words_.next("input count of " + label());
    const bool many = node_.kind == NodeKind::add || node_.kind == NodeKind::concat;
    const int32_t exact = node_.kind == NodeKind::input ? 0 : node_.kind == NodeKind::multiply ? 2 : 1;
    constexpr std::array<const char*, 3> kExact = {"no input", "one input", "two inputs"};
    if (many ? count < 1 : count != exact)
      invalid("takes " + std::string(many ? "one or more inputs" : kExact[static_cast<size_t>(exact)]) + ", not " +
              text(count));
    if (static_cast<size_t>(count) > words_.left()) invalid("its " + text(count) + " inputs are truncated");
    for (int32_t i = 0; i < count; ++i) {
      const int32_t input = words_.next("input of " + label());
      if (input < 0 || input >= index_)
        invalid("input " + text(i) + " is node " + text(input) + "; it must be an earlier node (0 to " +
                text(index_ - 1) + ")");
      node_.inputs.push_back(input);
    }
  }

  int ranged(const char* what, int64_t low, int64_t high) {
    const int32_t value = words_.next(std::string(what) + " of " + label());
    if (value < low || value > high)
      invalid(std::string(what) + " is " + text(value) + "; it must be " + text(low) + " to " + text(high));
    return value;
  }
  bool flag(const char* what) { return ranged(what, 0, 1) == 1; }
  const SampleShape& operand(int i = 0) const { return nodes_[static_cast<size_t>(node_.inputs[i])].shape; }

  void readAttributes() {
    switch (node_.kind) {
      case NodeKind::input:
        if (index_ != 0) invalid("only node 0 is the input");
        node_.shape = inputShape_;
        break;
      case NodeKind::conv2d:
        convolution();
        break;
      case NodeKind::batchNorm:
        normalization();
        break;
      case NodeKind::relu:
      case NodeKind::relu6:
      case NodeKind::hardSwish:
      case NodeKind::hardSigmoid:
      case NodeKind::sigmoid:
      case NodeKind::identity:
        node_.shape = operand();
        break;
      case NodeKind::multiply:
        if (operand(1) != operand() && operand(1) != SampleShape{operand().c, 1, 1})
          invalid("multiplies " + text(operand()) + " (node " + text(node_.inputs[0]) + ") by " + text(operand(1)) +
                  " (node " + text(node_.inputs[1]) + "); the second must be equal, or " +
                  text(SampleShape{operand().c, 1, 1}));
        node_.shape = operand();
        break;
      case NodeKind::add:
        for (size_t i = 1; i < node_.inputs.size(); ++i)
          if (operand(static_cast<int>(i)) != operand())
            invalid("adds shapes " + text(operand()) + " (node " + text(node_.inputs[0]) + ") and " +
                    text(operand(static_cast<int>(i))) + " (node " + text(node_.inputs[i]) + "); they must be equal");
        node_.shape = operand();
        break;
      case NodeKind::concat:
        concat();
        break;
      case NodeKind::maxPool:
      case NodeKind::avgPool:
        pool();
        break;
      case NodeKind::globalAvgPool:
        node_.shape = {operand().c, 1, 1};
        break;
      case NodeKind::linear: {
        node_.outChannels = ranged("features", 1, kMaxExtent);
        node_.bias = flag("bias");
        const SampleShape& x = operand();
        checkSize("weight", {node_.outChannels, x.c, x.h, x.w});
        node_.shape = {node_.outChannels, 1, 1};
        break;
      }
      case NodeKind::zero:
        node_.stride = ranged("stride", 1, kMaxWindow);
        node_.shape = {operand().c, (operand().h - 1) / node_.stride + 1, (operand().w - 1) / node_.stride + 1};
        break;
      case NodeKind::slice:
        slice();
        break;
    }
  }

  void normalization() {
    const int parameters = ranged("affine", 0, 2);
    node_.affine = parameters > 0;
    node_.scaled = parameters == 2;
    node_.shape = operand();
  }

  void readWindow() {
    Window& w = node_.window;
    w.kernelH = ranged("kernel height", 1, kMaxWindow);
    w.kernelW = ranged("kernel width", 1, kMaxWindow);
    w.strideH = ranged("vertical stride", 1, kMaxWindow);
    w.strideW = ranged("horizontal stride", 1, kMaxWindow);
    w.padH = ranged("vertical padding", 0, kMaxWindow);
    w.padW = ranged("horizontal padding", 0, kMaxWindow);
  }

  void convolution() {
    node_.outChannels = ranged("output channels", 1, kMaxExtent);
    readWindow();
    Window& w = node_.window;
    w.dilationH = ranged("vertical dilation", 1, kMaxWindow);
    w.dilationW = ranged("horizontal dilation", 1, kMaxWindow);
    node_.groups = ranged("groups", 1, kMaxExtent);
    node_.bias = flag("bias");
    const SampleShape& x = operand();
    if (x.c % node_.groups != 0 || node_.outChannels % node_.groups != 0)
      invalid(text(node_.groups) + " groups must divide its " + text(x.c) + " input and " + text(node_.outChannels) +
              " output channels");
    const int64_t spanH = int64_t{w.dilationH} * (w.kernelH - 1) + 1,
                  spanW = int64_t{w.dilationW} * (w.kernelW - 1) + 1;
    const int64_t roomH = int64_t{x.h} + 2 * w.padH, roomW = int64_t{x.w} + 2 * w.padW;
    if (spanH > roomH || spanW > roomW)
      invalid("its kernel spans " + text(spanH, spanW) + ", more than the padded input " + text(roomH, roomW) +
              " (input " + text(x) + ")");
    checkSize("weight", {node_.outChannels, x.c / node_.groups, w.kernelH, w.kernelW});
    checkSize("padded input", {x.c, roomH, roomW});
    node_.shape = {node_.outChannels, static_cast<int>((roomH - spanH) / w.strideH + 1),
                   static_cast<int>((roomW - spanW) / w.strideW + 1)};
  }

  void concat() {
    int64_t channels = 0;
    for (size_t i = 0; i < node_.inputs.size(); ++i) {
      const SampleShape& x = operand(static_cast<int>(i));
      if (x.h != operand().h || x.w != operand().w)
        invalid("joins shapes " + text(operand()) + " (node " + text(node_.inputs[0]) + ") and " + text(x) + " (node " +
                text(node_.inputs[i]) + "); height and width must be equal");
      channels += x.c;
    }
    checkSize("output", {channels, operand().h, operand().w});
    node_.shape = {static_cast<int>(channels), operand().h, operand().w};
  }

  /// PyTorch's rule; with ceilMode the last window must still start inside the input or its left padding.
  int pooled(int extent, int kernel, int stride, int pad) const {
    const int64_t room = int64_t{extent} + 2 * pad - kernel + (node_.ceilMode ? stride - 1 : 0);
    int64_t out = room / stride + 1;
    if (node_.ceilMode && (out - 1) * stride >= int64_t{extent} + pad) --out;
    return static_cast<int>(out);
  }

  void pool() {
    readWindow();
    node_.ceilMode = flag("ceilMode");
    if (node_.kind == NodeKind::avgPool) node_.countPadding = flag("countPadding");
    const Window& w = node_.window;
    const SampleShape& x = operand();
    if (2 * w.padH > w.kernelH || 2 * w.padW > w.kernelW)
      invalid("its padding " + text(w.padH, w.padW) + " is more than half the kernel " + text(w.kernelH, w.kernelW));
    if (w.kernelH > x.h + 2 * w.padH || w.kernelW > x.w + 2 * w.padW)
      invalid("its kernel " + text(w.kernelH, w.kernelW) + " is larger than the padded input " +
              text(x.h + 2 * w.padH, x.w + 2 * w.padW) + " (input " + text(x) + ")");
    node_.shape = {x.c, pooled(x.h, w.kernelH, w.strideH, w.padH), pooled(x.w, w.kernelW, w.strideW, w.padW)};
  }

  void slice() {
    const SampleShape& x = operand();
    node_.axis = ranged("axis", 1, 3);
    const int extent = node_.axis == 1 ? x.c : node_.axis == 2 ? x.h : x.w;
    node_.begin = ranged("begin", 0, extent - 1);
    node_.end = ranged("end", node_.begin + 1, extent);
    node_.shape = x;
    (node_.axis == 1 ? node_.shape.c : node_.axis == 2 ? node_.shape.h : node_.shape.w) = node_.end - node_.begin;
  }

  Words& words_;
  const std::vector<Node>& nodes_;
  SampleShape inputShape_;
  int index_;
  Node node_;
};

Unit decodeUnit(Words& words, const std::vector<Node>& nodes, int index) {
  const std::string label = "unit " + text(index);
  const auto member = [&](const char* what, const char* wanted, auto fits) {
    const int32_t node = words.next(std::string(what) + " of " + label);
    if (node < 0 || static_cast<size_t>(node) >= nodes.size())
      throw Error(code::kInvalidGraph, label + ": its " + what + " is node " + text(node) +
                                           "; the graph has nodes 0 to " +
                                           text(static_cast<int64_t>(nodes.size()) - 1));
    const auto found = nodes[static_cast<size_t>(node)].kind;
    if (!fits(found))
      throw Error(code::kInvalidGraph, label + ": its " + what + " is node " + text(node) + ", a " + kindName(found) +
                                           "; it must be " + wanted);
    return node;
  };
  Unit unit;
  const auto is = [](NodeKind kind) { return [kind](NodeKind found) { return found == kind; }; };
  unit.relu = member("relu", "an activation, such as a relu", isActivation);
  unit.conv = member("conv", "a conv2d", is(NodeKind::conv2d));
  const bool normalized = words.left() == 0 || words.peek() != unit.conv;
  unit.batchNorm = member("batchNorm", "a batchNorm", is(normalized ? NodeKind::batchNorm : NodeKind::conv2d));
  if (unit.batchNorm < unit.conv)
    throw Error(code::kInvalidGraph, label + ": its batchNorm is node " + text(unit.batchNorm) +
                                         ", before its conv, node " + text(unit.conv) +
                                         "; it must be a later node, or the conv itself");
  return unit;
}

std::vector<Parameter> listParameters(const std::vector<Node>& nodes) {
  std::vector<Parameter> parameters;
  const auto push = [&](int node, Parameter::Role role, std::vector<int> shape) {
    size_t size = 1;
    for (const int extent : shape) size *= static_cast<size_t>(extent);
    parameters.push_back({node, role, std::move(shape), size});
  };
  for (int i = 0; i < static_cast<int>(nodes.size()); ++i) {
    const Node& node = nodes[i];
    if (node.kind == NodeKind::batchNorm && node.scaled) {
      push(i, Parameter::Role::scale, {node.shape.c});
      push(i, Parameter::Role::shift, {node.shape.c});
    }
    if (node.kind != NodeKind::conv2d && node.kind != NodeKind::linear) continue;
    const SampleShape& x = nodes[static_cast<size_t>(node.inputs[0])].shape;
    if (node.kind == NodeKind::conv2d)
      push(i, Parameter::Role::weight, {node.outChannels, x.c / node.groups, node.window.kernelH, node.window.kernelW});
    else
      push(i, Parameter::Role::weight, {node.outChannels, x.c * x.h * x.w});
    if (node.bias) push(i, Parameter::Role::bias, {node.outChannels});
  }
  return parameters;
}

}  // namespace

const char* kindName(NodeKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

Graph decodeGraph(std::span<const int32_t> data) {
  Words words(data);
  std::array<int32_t, kHeaderWords> header;
  constexpr std::array<const char*, kHeaderWords> kFields = {
      "version", "node count", "unit count", "output node", "input channels", "input height", "input width"};
  for (int i = 0; i < kHeaderWords; ++i) header[i] = words.next(kFields[i]);
  const auto [version, nodeCount, unitCount, output, channels, height, width] = header;
  if (version != kVersion)
    throw Error(code::kInvalidGraph, "graph has version " + text(version) + "; this build reads " + text(kVersion));
  if (nodeCount < 1) throw Error(code::kInvalidGraph, "graph has " + text(nodeCount) + " nodes; it needs at least one");
  if (unitCount < 0) throw Error(code::kInvalidGraph, "graph has " + text(unitCount) + " units");
  if (nodeCount > kMaxNodes || unitCount > kMaxNodes)
    throw Error(code::kTooLarge, "graph has " + text(nodeCount) + " nodes and " + text(unitCount) + " units; at most " +
                                     text(kMaxNodes) + " of each are accepted");
  if (output < 0 || output >= nodeCount)
    throw Error(code::kInvalidGraph,
                "output is node " + text(output) + "; the graph has nodes 0 to " + text(nodeCount - 1));
  if (channels < 1 || height < 1 || width < 1)
    throw Error(code::kInvalidGraph,
                "input shape " + text(SampleShape{channels, height, width}) + " must be at least one along each axis");
  Graph graph;
  graph.output = output;
  for (int i = 0; i < nodeCount; ++i)
    graph.nodes.push_back(NodeDecoder(words, graph.nodes, {channels, height, width}).decode());
  if (graph.nodes[0].kind != NodeKind::input) throw Error(code::kInvalidGraph, "node 0 must be the input");
  for (int i = 0; i < unitCount; ++i) graph.units.push_back(decodeUnit(words, graph.nodes, i));
  if (words.left() != 0)
    throw Error(code::kInvalidGraph, text(static_cast<int64_t>(words.left())) +
                                         " words follow the last unit, from word " +
                                         text(static_cast<int64_t>(words.position())));
  graph.parameters = listParameters(graph.nodes);
  return graph;
}

}  // namespace eznas
