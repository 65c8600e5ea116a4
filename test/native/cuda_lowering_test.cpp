// What lowering promises before anything runs: buffers in use at one time share no memory, every step is in exactly one
// launch, and what steps cost adds up.
#include <algorithm>
#include <string>
#include <vector>

#include "native/cuda/network_chunk.h"
#include "native/cuda/network_costs.h"
#include "native/cuda/network_runner.h"
#include "test/native/expect.h"
#include "test/native/nasbench_graph.h"
#include "test/native/network_requests.h"

namespace {

using namespace eznas;
using namespace eznas::cuda;
using test::expect;

void arenas(const NetworkProgram& program, const std::string& label) {
  const auto& buffers = program.buffers;
  for (size_t a = 0; a < buffers.size(); ++a) {
    const auto& x = buffers[a];
    if (x.room != Room::arena || x.firstStep < 0) continue;
    expect(x.offset % 16 == 0 && x.offset + x.floats <= program.arena, label + ": a buffer within the arena");
    for (size_t b = 0; b < a; ++b) {
      const auto& y = buffers[b];
      if (y.room != Room::arena || y.firstStep < 0) continue;
      const bool sameTime = x.firstStep <= y.lastStep && y.firstStep <= x.lastStep;
      const bool samePlace = x.offset < y.offset + y.floats && y.offset < x.offset + x.floats;
      expect(!(sameTime && samePlace),
             label + ": buffers " + std::to_string(a) + " and " + std::to_string(b) + " meet");
    }
  }
}

void launches(const ProgramSet& set, const std::string& label) {
  size_t steps = 0, items = 0, last = 0;
  for (const NetworkProgram& program : set.programs) steps += program.steps.size();
  for (const NetworkLaunches::Launch& launch : set.launches->launches()) {
    items += launch.count;
    const size_t order = (launch.backward ? size_t{1} << 32 : 0) + static_cast<size_t>(launch.level);
    expect(order >= last, label + ": launches in order of their levels");
    last = order;
  }
  expect(items == steps, label + ": every step in one launch");
}

void randomGraphs() {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    CollectRequest request = test::randomRequest(seed, seed % 2 == 0);
    request.networks.push_back(request.networks[0]);
    for (const uint32_t tensors : {kAllTensors, 1u << kT1GD, 1u << kT4P | 1u << kT1GN}) {
      request.tensors = tensors;
      NetworkChunk chunk(request, 0, 2, requestWants(request), 2);
      const std::string label = "graph " + std::to_string(seed);
      for (ProgramSet& set : chunk.sets()) {
        set.launches.emplace(set.pointers, request.minibatch.batch, true);
        launches(set, label);
        for (const NetworkProgram& program : set.programs) arenas(program, label);
        // Equal networks meet in every launch.
        for (const NetworkLaunches::Launch& launch : set.launches->launches())
          expect(launch.count % 2 == 0, label + ": equal steps of two networks are launched together");
      }
    }
  }
}

void nasBench() {
  CollectRequest request = test::requestFor(test::NasBenchGraph(test::cellOf(15624), {}).graph(), 1, 2);
  request.networks[0].parameters.clear();
  request.tensors = 1u << kT1GD;
  request.logits = false;
  NetworkChunk chunk(request, 0, 1, requestWants(request), 1);
  StepCost all, conv;
  for (const Step& step : chunk.set(Pass::data).programs[0].steps) {
    const StepCost cost = costOf(step, 2);
    expect(cost.bytes > 0 && cost.issued >= cost.flops, "costs");
    all.flops += cost.flops;
    if (step.key.op == Op::convForward || step.key.op == Op::convBackward) conv.flops += cost.flops;
  }
  // All pools: stem, residual blocks forward, and gradients of the blocks' units and shortcuts are what multiplies.
  expect(conv.flops > 0.99 * all.flops, "products are those of convolutions");
  const size_t alone = NetworkRunner::bytesNeeded(request, 0);
  request.tensors = kAllTensors;
  expect(NetworkRunner::bytesNeeded(request, 0) > alone, "more tensors, more memory");
  request.minibatch.batch = 4;
  request.minibatch.data.resize(2 * request.minibatch.data.size());
  expect(NetworkRunner::bytesNeeded(request, 0) > 3 * alone / 2, "more images, more memory");
}

}  // namespace

int main() {
  randomGraphs();
  nasBench();
  return test::finish("cuda_lowering_test");
}
