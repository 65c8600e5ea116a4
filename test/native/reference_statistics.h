#pragma once
// What either backend records of a network against the plain float64 network and its derivatives.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "native/core/collect.h"
#include "test/native/expect.h"
#include "test/native/reference_network.h"

namespace eznas::test {

/// ‖a − b‖ ≤ 1e-4 · ‖b‖, with room for a tensor that is all but zero.
inline void expectClose(const float* got, const Values& want, const std::string& what) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    difference += std::pow(got[i] - want[i], 2);
    norm += want[i] * want[i];
  }
  const double scale = std::sqrt(norm) + 1e-2;
  expect(std::sqrt(difference) <= 1e-4 * scale,
         what + ": relative difference " + std::to_string(std::sqrt(difference) / scale));
}

/// Elements of a tensor to differentiate by: ends and some in between.
inline std::vector<size_t> samples(size_t size) {
  std::vector<size_t> elements;
  for (const size_t element : {size_t{0}, size / 3, size / 2, size * 4 / 5, size - 1})
    if (elements.empty() || elements.back() != element) elements.push_back(element);
  return elements;
}

/// Gradients agree with derivatives to 1e-3 of the tensor's largest one.
class GradientCheck {
 public:
  GradientCheck(const float* got, size_t size, std::string what) : got_(got), size_(size), what_(std::move(what)) {
    for (size_t i = 0; i < size; ++i) scale_ = std::max(scale_, std::abs(static_cast<double>(got[i])));
  }
  template <class Derivative>
  void against(Derivative derivative) const {
    for (const size_t element : samples(size_)) {
      const double want = derivative(element);
      expect(std::abs(got_[element] - want) <= 1e-3 * scale_ + 2e-5,
             what_ + "[" + std::to_string(element) + "] is " + std::to_string(got_[element]) + ", not " +
                 std::to_string(want) + " (scale " + std::to_string(scale_) + ")");
    }
  }

 private:
  const float* got_;
  size_t size_;
  std::string what_;
  double scale_ = 0;
};

/// Derivatives at the places where a unit's gradients are recorded.
struct UnitDerivatives {
  Values t1g, t2g, t3g, t4g;  // at samples() of each
};
inline UnitDerivatives derivatives(ReferenceNetwork& network, const Graph& graph, const Unit& unit,
                                   const UnitShapes& shapes, const std::vector<Values>& values) {
  UnitDerivatives d;
  const auto at = [&](Disturbance::Place place, int index, size_t element) {
    return network.derivative({place, index, element, 0});
  };
  int weight = 0;
  while (graph.parameters[static_cast<size_t>(weight)].node != unit.conv) ++weight;
  const Values& t1 = values[static_cast<size_t>(graph.nodes[static_cast<size_t>(unit.relu)].inputs[0])];
  for (const size_t e : samples(static_cast<size_t>(shapes.before.numel())))
    d.t2g.push_back(at(Disturbance::Place::operand, unit.conv, e));
  for (const size_t e : samples(static_cast<size_t>(shapes.of(kT1GD).numel())))
    d.t1g.push_back(at(Disturbance::Place::output, unit.relu, e) *
                    slopeAt(graph.nodes[static_cast<size_t>(unit.relu)].kind, t1[e]));
  for (const size_t e : samples(static_cast<size_t>(shapes.weight.numel())))
    d.t3g.push_back(at(Disturbance::Place::parameter, weight, e));
  for (const size_t e : samples(static_cast<size_t>(shapes.after.numel())))
    d.t4g.push_back(at(Disturbance::Place::output, unit.batchNorm, e));
  return d;
}

/// Every recorded tensor of the request's one network.
inline void expectReference(const CollectRequest& request, const NetworkStatistics& statistics,
                            const std::string& name) {
  const Graph& graph = request.networks[0].graph;
  const std::vector<const std::vector<float>*> inputs{&request.minibatch.data, &request.minibatch.noise,
                                                      &request.minibatch.perturbed};
  std::vector<std::vector<Values>> forward;
  std::vector<std::vector<UnitDerivatives>> backward(3);
  ReferenceNetwork network(graph, request.networks[0].parameters, request.minibatch.batch);
  for (size_t pass = 0; pass < 3; ++pass) {
    forward.push_back(network.settle(*inputs[pass]));
    for (size_t u = 0; u < graph.units.size(); ++u)
      backward[pass].push_back(derivatives(network, graph, graph.units[u], statistics.units[u].shapes, forward[pass]));
    expectClose(statistics.logits[pass].data(), forward[pass][static_cast<size_t>(graph.output)], "logits");
  }

  for (size_t u = 0; u < graph.units.size(); ++u) {
    const Unit& unit = graph.units[u];
    const UnitStatistics& got = statistics.units[u];
    const std::string label = name + " unit " + std::to_string(u) + " ";
    for (size_t pass = 0; pass < 3; ++pass) {
      const std::string suffix(1, "DNP"[pass]);
      const auto activation = [&](int first, int node) {
        Values want = forward[pass][static_cast<size_t>(node)];
        if (pass == 2)
          for (size_t k = 0; k < want.size(); ++k) want[k] -= forward[0][static_cast<size_t>(node)][k];
        expectClose(got.tensors[static_cast<size_t>(first) + pass], want,
                    std::string(label).append("activation ").append(suffix));
      };
      activation(kT1D, graph.nodes[static_cast<size_t>(unit.relu)].inputs[0]);
      activation(kT2D, graph.nodes[static_cast<size_t>(unit.conv)].inputs[0]);
      activation(kT4D, unit.batchNorm);
      const auto gradient = [&](int first, Values UnitDerivatives::*member, const char* what) {
        const int tensor = first + static_cast<int>(pass);
        const auto size = static_cast<size_t>(got.shapes.of(tensor).numel());
        size_t k = 0;
        GradientCheck(got.tensors[static_cast<size_t>(tensor)], size, label + what + suffix).against([&](size_t) {
          const double less = pass == 2 ? (backward[0][u].*member)[k] : 0;
          return (backward[pass][u].*member)[k++] - less;
        });
      };
      gradient(kT1GD, &UnitDerivatives::t1g, "T1G");
      gradient(kT2GD, &UnitDerivatives::t2g, "T2G");
      gradient(kT3GD, &UnitDerivatives::t3g, "T3G");
      gradient(kT4GD, &UnitDerivatives::t4g, "T4G");
    }
  }
}

/// Gradients of the logits' sum.
inline void expectReference(const CollectRequest& request, const Gradients& got, const std::string& label) {
  const Graph& graph = request.networks[0].graph;
  ReferenceNetwork network(graph, request.networks[0].parameters, request.minibatch.batch);
  const Values logits = network.settle(request.minibatch.data)[static_cast<size_t>(graph.output)];
  expectClose(got.logits.data(), logits, label + " logits");
  GradientCheck(got.input.data(), got.input.size(), label + " input").against([&](size_t e) {
    return network.derivative({Disturbance::Place::output, 0, e, 0});
  });
  for (size_t p = 0; p < graph.parameters.size(); ++p)
    GradientCheck(got.parameters[p].data(), got.parameters[p].size(), label + " parameter " + std::to_string(p))
        .against([&](size_t e) {
          return network.derivative({Disturbance::Place::parameter, static_cast<int>(p), e, 0});
        });
}

}  // namespace eznas::test
