#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "native/core/graph.h"
#include "native/core/simd.h"
#include "native/core/statistics.h"
#include "native/core/thread_pool.h"

namespace eznas {

/// What runs through every network of a request. Inputs are B×C×H×W. `noise` and `perturbed` may be empty: they are
/// then drawn from the seed (noise: N(0,1); perturbed: data + 0.1·N(0,1)), the same for all networks.
struct Minibatch {
  int batch = 0;
  SampleShape shape;
  std::vector<float> data, noise, perturbed;
};

struct NetworkRequest {
  Graph graph;
  uint64_t key = 0;  // names the network to the generator: initialisation depends on (seed, key) alone
  std::vector<std::vector<float>> parameters;  // in Graph::parameters order; empty: initialised from the seed
};

/// How convolutions multiply on a GPU. Sums are float32 either way; everything else is float32 in both, and the CPU
/// multiplies float32 always.
enum class Precision {
  float32,  // exact products of float32 operands
  tf32      // tensor cores: operands rounded to 10 bits of mantissa
};

struct CollectRequest {
  std::vector<NetworkRequest> networks;
  Minibatch minibatch;
  uint64_t seed = 0;
  uint32_t tensors = kAllTensors;
  bool logits = false;
  int threads = 0;  // 0: availableThreads()
  Precision precision = Precision::float32;
};

/// Validates a request against its graphs (shapes, finite inputs, sizes), naming the offender.
void validateInput(const CollectRequest& request);

/// The same, and estimates the bytes that one network's statistics and passes need on the CPU; throws TOO_LARGE before
/// allocating what cannot fit.
void validate(const CollectRequest& request);

/// Runs the passes that `request.tensors` need on network `index` and records. Thread-safe; scratch memory is per
/// thread.
NetworkStatistics collectNetwork(const CollectRequest& request, size_t index);
/// The same by kernels other than those of the machine's SIMD level.
NetworkStatistics collectNetwork(const CollectRequest& request, size_t index, const NetworkKernels& kernels);

/// Shapes of a graph's units at a batch size.
std::vector<UnitShapes> unitShapes(const Graph& graph, int batch);

/// Initial parameters as collectNetwork uses them (Kaiming normal fan-out for convolutions, N(0, 0.01²) for linear,
/// zero biases).
std::vector<std::vector<float>> initialParameters(const Graph& graph, uint64_t seed, uint64_t key);

/// Gradients of the sum of the logits with respect to the data input and every parameter, by the same kernels: for the
/// finite-difference tests and for callers who want them.
struct Gradients {
  std::vector<float> logits, input;
  std::vector<std::vector<float>> parameters;
};
Gradients gradients(const CollectRequest& request, size_t index);

}  // namespace eznas
