#include "native/core/halos.h"

#include <algorithm>

namespace eznas {

Halos::Halos(const Graph& graph, const Plan& plan, const NetworkKernels& kernels)
    : map(graph.nodes.size(), 0), gradient(graph.nodes.size(), 0) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].kind != NodeKind::conv2d || !(plan.forward[i] || plan.backward[i])) continue;
    const int self = static_cast<int>(i);
    const ConvShape shape = convShape(graph, self);
    int& operand = map[static_cast<size_t>(plan.holder[static_cast<size_t>(plan.input(graph, self))])];
    operand = std::max(operand, kernels.convInputHalo(shape));
    gradient[i] = kernels.convGradientHalo(shape);
  }
}

}  // namespace eznas
