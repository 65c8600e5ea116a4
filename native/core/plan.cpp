#include "native/core/plan.h"

#include <algorithm>
#include <map>
#include <utility>

namespace eznas {

ConvShape convShape(const Graph& graph, int index) {
  const Node& node = graph.nodes[static_cast<size_t>(index)];
  const Window& w = node.window;
  return {.inChannels = graph.nodes[static_cast<size_t>(node.inputs[0])].shape.c,
          .outChannels = node.outChannels,
          .groups = node.groups,
          .kernelH = w.kernelH,
          .kernelW = w.kernelW,
          .strideH = w.strideH,
          .strideW = w.strideW,
          .padH = w.padH,
          .padW = w.padW,
          .dilationH = w.dilationH,
          .dilationW = w.dilationW};
}

PoolShape poolShape(const Node& node) {
  const Window& w = node.window;
  return {w.kernelH, w.kernelW, w.strideH, w.strideW, w.padH, w.padW, node.countPadding};
}

Activation activationOf(const Node& node) {
  switch (node.kind) {
    case NodeKind::relu6:
      return Activation::relu6;
    case NodeKind::hardSwish:
      return Activation::hardSwish;
    case NodeKind::hardSigmoid:
      return Activation::hardSigmoid;
    case NodeKind::sigmoid:
      return Activation::sigmoid;
    default:
      return Activation::relu;
  }
}

Plan::Plan(const Graph& graph, const PassWants& passWants) : wants(passWants) {
  findValues(graph);
  findForward(graph);
  findBackward(graph);
  findReads(graph);
}

void Plan::findValues(const Graph& graph) {
  const size_t count = graph.nodes.size();
  value.resize(count);
  holder.resize(count);
  zero.assign(count, 0);

  const auto behindIdentities = [&](int node) {
    while (graph.nodes[static_cast<size_t>(node)].kind == NodeKind::identity)
      node = graph.nodes[static_cast<size_t>(node)].inputs[0];
    return static_cast<size_t>(node);
  };
  std::vector<int> readers(count, 0);
  ++readers[behindIdentities(graph.output)];
  for (const Node& node : graph.nodes)
    if (node.kind != NodeKind::identity)
      for (const int input : node.inputs) ++readers[behindIdentities(input)];

  // An activation whose gradient is recorded away from its convolution must see its own consumers only.
  std::vector<uint8_t> apart(count, 0);
  for (const Unit& unit : graph.units) {
    const auto relu = static_cast<size_t>(unit.relu);
    const bool reads = behindIdentities(graph.nodes[static_cast<size_t>(unit.conv)].inputs[0]) == relu;
    direct.push_back(reads && readers[relu] == 1);
    if (!direct.back()) apart[relu] = 1;
  }

  std::map<std::pair<NodeKind, int>, int> activations;  // by kind and input
  for (size_t i = 0; i < count; ++i) {
    const Node& node = graph.nodes[i];
    const int self = static_cast<int>(i);
    value[i] = holder[i] = self;
    if (node.kind == NodeKind::identity) value[i] = input(graph, self);
    if (isActivation(node.kind) && !apart[i])
      value[i] = activations.try_emplace({node.kind, input(graph, self)}, self).first->second;
    if (value[i] != self) continue;

    const auto isZero = [&](int earlier) {
      return zero[static_cast<size_t>(value[static_cast<size_t>(earlier)])] != 0;
    };
    const bool allZero = !node.inputs.empty() && std::all_of(node.inputs.begin(), node.inputs.end(), isZero);
    switch (node.kind) {
      case NodeKind::zero:
        zero[i] = 1;
        break;
      case NodeKind::conv2d:
      case NodeKind::linear:
        zero[i] = allZero && !node.bias;
        break;
      case NodeKind::batchNorm:
        zero[i] = allZero && !node.scaled;
        break;
      case NodeKind::maxPool:    // computed even so: its gradient goes to the position of the maximum,
      case NodeKind::hardSwish:  // rises from zero,
      case NodeKind::multiply:   // and is the other factor's number
      case NodeKind::hardSigmoid:
      case NodeKind::sigmoid:
        break;
      default:
        zero[i] = allZero;
    }
    if (node.kind == NodeKind::add && !zero[i]) {
      const auto terms =
          node.inputs.size() - static_cast<size_t>(std::count_if(node.inputs.begin(), node.inputs.end(), isZero));
      const auto first = std::find_if_not(node.inputs.begin(), node.inputs.end(), isZero);
      if (terms == 1) holder[i] = holder[static_cast<size_t>(value[static_cast<size_t>(*first)])];
    }
  }
}

void Plan::findForward(const Graph& graph) {
  forward.assign(graph.nodes.size(), 0);
  const auto want = [&](int node) { forward[static_cast<size_t>(value[static_cast<size_t>(node)])] = 1; };
  if (wants.logits || wants.backward()) want(graph.output);
  if (wants.allValues)
    for (size_t i = 0; i < graph.nodes.size(); ++i) want(static_cast<int>(i));
  for (const Unit& unit : graph.units) {
    if (wants.kinds & kKindT1) want(graph.nodes[static_cast<size_t>(unit.relu)].inputs[0]);
    if (wants.kinds & kKindT2) want(graph.nodes[static_cast<size_t>(unit.conv)].inputs[0]);
    if (wants.kinds & kKindT4) want(unit.batchNorm);
  }
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    if (zero[i]) forward[i] = 0;
    if (forward[i])
      for (const int earlier : graph.nodes[i].inputs) want(earlier);
  }
}

bool Plan::passesGradient(const Graph& graph, int node) const {
  const NodeKind kind = graph.nodes[static_cast<size_t>(node)].kind;
  const bool rectifies = kind == NodeKind::relu || kind == NodeKind::relu6;
  return kind != NodeKind::zero && !(rectifies && zero[static_cast<size_t>(input(graph, node))]);
}

void Plan::findBackward(const Graph& graph) {
  const size_t count = graph.nodes.size();
  backward.assign(count, 0);
  weightGradient.assign(count, 0);
  if (!wants.backward()) return;

  std::vector<uint8_t> arrives(count, 0), needed(count, 0);
  arrives[static_cast<size_t>(value[static_cast<size_t>(graph.output)])] = 1;
  for (size_t i = count; i-- > 0;)
    if (arrives[i] && passesGradient(graph, static_cast<int>(i)))
      for (const int earlier : graph.nodes[i].inputs)
        arrives[static_cast<size_t>(value[static_cast<size_t>(earlier)])] = 1;

  for (size_t u = 0; u < graph.units.size(); ++u) {
    const Unit& unit = graph.units[u];
    if (wants.kinds & kKindT4G) needed[static_cast<size_t>(unit.batchNorm)] = 1;
    if (wants.kinds & (kKindT3G | kKindT2G)) needed[static_cast<size_t>(unit.conv)] = 1;
    if (wants.kinds & kKindT3G) weightGradient[static_cast<size_t>(unit.conv)] = 1;
    if (wants.kinds & kKindT1G) needed[static_cast<size_t>(direct[u] ? unit.conv : unit.relu)] = 1;
  }
  if (wants.allGradients) {
    needed[0] = 1;
    for (const Parameter& parameter : graph.parameters)
      needed[static_cast<size_t>(parameter.node)] = weightGradient[static_cast<size_t>(parameter.node)] = 1;
  }
  for (size_t i = 0; i < count; ++i) {
    if (value[i] != static_cast<int>(i)) continue;
    if (passesGradient(graph, static_cast<int>(i)))
      for (const int earlier : graph.nodes[i].inputs)
        needed[i] |= needed[static_cast<size_t>(value[static_cast<size_t>(earlier)])];
    backward[i] = arrives[i] && needed[i];
  }
}

void Plan::findReads(const Graph& graph) {
  const size_t count = graph.nodes.size();
  uses.assign(count, 0);
  unitsByValue.resize(count);
  unitsByConv.resize(count);
  const auto read = [&](int operand) {
    if (!zero[static_cast<size_t>(operand)]) ++uses[static_cast<size_t>(holder[static_cast<size_t>(operand)])];
  };

  for (size_t i = 0; i < count; ++i) {
    const Node& node = graph.nodes[i];
    const int self = static_cast<int>(i);
    if (value[i] != self) continue;
    if (forward[i] && holder[i] != self)
      read(self);
    else if (forward[i])
      for (size_t k = 0; k < node.inputs.size(); ++k) read(input(graph, self, k));
    if (backward[i]) {
      if (node.kind == NodeKind::batchNorm || weightGradient[i]) read(input(graph, self));
      if (isActivation(node.kind)) read(slope(graph, self));
      if (node.kind == NodeKind::multiply)
        for (const size_t k : {0, 1})
          if (backward[static_cast<size_t>(input(graph, self, k))]) read(input(graph, self, 1 - k));
      if (wants.keepMaps && forward[i]) read(self);
    }
  }
  if (wants.logits) read(value[static_cast<size_t>(graph.output)]);

  for (size_t u = 0; u < graph.units.size(); ++u) {
    const Unit& unit = graph.units[u];
    unitsByConv[static_cast<size_t>(unit.conv)].push_back(static_cast<int>(u));
    std::vector<int> places{input(graph, unit.relu), input(graph, unit.conv), unit.batchNorm,
                            value[static_cast<size_t>(unit.relu)]};
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    for (const int place : places) unitsByValue[static_cast<size_t>(place)].push_back(static_cast<int>(u));
    // The activation's slope at T1 is read where the convolution's gradient is recorded.
    if ((wants.kinds & kKindT1G) && direct[u] && backward[static_cast<size_t>(unit.conv)])
      read(slope(graph, unit.relu));
  }
}

}  // namespace eznas
