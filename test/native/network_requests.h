#pragma once
// Requests with given inputs and parameters for the tests of both backends.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "native/core/collect.h"
#include "test/native/random_graph.h"

namespace eznas::test {

struct NumberStream {
  uint64_t state;
  float next() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(static_cast<int64_t>(state) >> 40) / (1 << 22);
  }
  std::vector<float> many(size_t count) {
    std::vector<float> values(count);
    for (float& v : values) v = next();
    return values;
  }
};

/// A request for one network with given inputs and parameters; biases are given too, so that they matter.
inline CollectRequest requestFor(Graph graph, uint64_t seed, int batch = 3) {
  CollectRequest request;
  request.networks.resize(1);
  NetworkRequest& network = request.networks[0];
  network.graph = std::move(graph);
  NumberStream stream{seed + 77};
  for (const Parameter& p : network.graph.parameters) {
    std::vector<float> values = stream.many(p.size);
    const double fan = static_cast<double>(p.size) / p.shape[0];
    for (float& v : values) v = static_cast<float>(v / std::sqrt(p.role == Parameter::Role::bias ? 9.0 : fan));
    network.parameters.push_back(std::move(values));
  }
  Minibatch& m = request.minibatch;
  m.batch = batch;
  m.shape = network.graph.nodes[0].shape;
  const size_t count = static_cast<size_t>(batch) * m.shape.c * m.shape.h * m.shape.w;
  m.data = stream.many(count);
  m.noise = stream.many(count);
  m.perturbed = m.data;
  for (float& v : m.perturbed) v += 0.1f * stream.next();
  request.logits = true;
  return request;
}

inline CollectRequest randomRequest(uint64_t seed, bool gated = false) {
  return requestFor(RandomGraph(seed, gated).graph(), seed);
}

inline bool sameBits(const float* a, const float* b, int64_t count) {
  return std::memcmp(a, b, static_cast<size_t>(count) * sizeof(float)) == 0;
}

/// Whether two records of one network hold the same bits in the tensors of a set.
inline bool same(const NetworkStatistics& a, const NetworkStatistics& b, uint32_t tensors) {
  for (size_t u = 0; u < a.units.size(); ++u)
    for (int t = 0; t < kTensorCount; ++t)
      if ((tensors >> t & 1) != 0 &&
          !sameBits(a.units[u].tensors[static_cast<size_t>(t)], b.units[u].tensors[static_cast<size_t>(t)],
                    a.units[u].shapes.of(t).numel()))
        return false;
  return true;
}

}  // namespace eznas::test
