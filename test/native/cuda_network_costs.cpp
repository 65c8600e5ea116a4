// What the networks of NAS-Bench-201 cost on a device, by the shapes of their kernels: prints bytes, FLOPs and launches
// per kernel and predicts times. Nothing runs. Arguments: batch, networks per chunk, tensors (bits), seed.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "native/core/thread_pool.h"
#include "native/cuda/network_chunk.h"
#include "native/cuda/network_costs.h"
#include "native/cuda/network_runner.h"
#include "test/native/nasbench_graph.h"

namespace {

using namespace eznas;
using namespace eznas::cuda;

// NVIDIA H100 SXM5: data sheet's memory bandwidth; tensor core rate of tf32 products that mma.sync is known to reach of
// 494.7 dense; a kernel of a graph starts every two microseconds or so.
constexpr double kBytesPerSecond = 3.35e12, kFlopsPerSecond = 400e12, kLaunchSeconds = 2e-6;

constexpr const char* kNames[kOpCount] = {"convForward",
                                          "convBackward",
                                          "convWeights",
                                          "depthwiseForward",
                                          "depthwiseBackward",
                                          "depthwiseWeights",
                                          "biasGradient",
                                          "batchStatistics",
                                          "normalizeBackward",
                                          "sum",
                                          "activate",
                                          "activateBackward",
                                          "multiply",
                                          "productSums",
                                          "copyRegion",
                                          "fill",
                                          "maxPool",
                                          "maxPoolBackward",
                                          "avgPool",
                                          "avgPoolBackward",
                                          "globalPool",
                                          "globalPoolBackward",
                                          "linear",
                                          "linearBackward",
                                          "linearWeights",
                                          "packForward",
                                          "packBackward"};

struct Row {
  double flops = 0, issued = 0, bytes = 0, seconds = 0;
  int launches = 0;
  size_t items = 0;
};

double argument(int count, char** values, int i, double otherwise) {
  return count > i ? std::strtod(values[i], nullptr) : otherwise;
}

}  // namespace

int main(int count, char** values) {
  CollectRequest request;
  request.minibatch.batch = static_cast<int>(argument(count, values, 1, 16));
  const auto networks = static_cast<size_t>(argument(count, values, 2, 128));
  request.tensors = static_cast<uint32_t>(argument(count, values, 3, 1u << kT1GD));
  auto state = static_cast<uint64_t>(argument(count, values, 4, 1));
  request.minibatch.shape = {3, 32, 32};
  request.minibatch.data.resize(static_cast<size_t>(request.minibatch.batch) * 3 * 32 * 32);
  for (size_t i = 0; i < networks; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    request.networks.push_back(
        {test::NasBenchGraph(test::cellOf(static_cast<int>((state >> 33) % 15625)), {}).graph(), i, {}});
  }
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto start = now();
  NetworkChunk chunk(request, 0, networks, requestWants(request), 1);
  const auto lowered = now();
  const auto milliseconds = [](auto a, auto b) { return std::chrono::duration<double, std::milli>(b - a).count(); };

  for (const Pass pass : kPasses) {
    if (!chunk.runs(pass)) continue;
    ProgramSet& set = chunk.set(pass);
    if (set.launches) continue;
    const auto before = now();
    set.launches.emplace(set.pointers, request.minibatch.batch, true);
    const auto merged = now();
    std::vector<std::byte> table(set.launches->tableBytes());
    set.launches->writeTable(chunk.addresses(pass, nullptr, nullptr), table.data(), table.data(), 1);
    std::printf("host: lowering %.3f ms per network, merging %.3f, table of %.1f MB written in %.3f\n",
                milliseconds(start, lowered) / static_cast<double>(networks),
                milliseconds(before, merged) / static_cast<double>(networks), static_cast<double>(table.size()) / 1e6,
                milliseconds(merged, now()) / static_cast<double>(networks));
    std::map<std::string, Row> rows;
    Row total;
    // A launch takes what its busier side takes, and no less than its start.
    std::map<std::pair<std::pair<bool, int>, int>, std::vector<const Step*>> launches;
    std::map<const void*, int> keyOf;
    for (const NetworkProgram& program : set.programs)
      for (const Step& step : program.steps) {
        const auto& keys = set.launches->keys();
        const int key = static_cast<int>(std::find(keys.begin(), keys.end(), step.key) - keys.begin());
        launches[{{step.backward, step.level}, key}].push_back(&step);
      }
    for (const auto& [place, steps] : launches) {
      double flops = 0, issued = 0, bytes = 0;
      for (const Step* step : steps) {
        const StepCost cost = costOf(*step, request.minibatch.batch);
        flops += cost.flops, issued += cost.issued, bytes += cost.bytes;
      }
      const Op op = steps[0]->key.op;
      const int starts = op == Op::normalizeBackward || op == Op::convWeights ? 2 : 1;
      const double seconds = std::max({issued / kFlopsPerSecond, bytes / kBytesPerSecond, starts * kLaunchSeconds});
      for (Row* row : {&rows[kNames[static_cast<int>(op)]], &total}) {
        row->flops += flops, row->issued += issued, row->bytes += bytes, row->seconds += seconds;
        row->launches += starts;
        row->items += steps.size();
      }
    }
    std::printf("%-20s %9s %9s %10s %10s %10s %9s\n", "per network", "items", "launches", "MFLOP", "issued", "MB",
                "us");
    rows["total"] = total;
    const auto n = static_cast<double>(networks);
    for (const auto& [name, r] : rows)
      std::printf("%-20s %9.1f %9.2f %10.1f %10.1f %10.2f %9.2f\n", name.c_str(), static_cast<double>(r.items) / n,
                  r.launches / n, r.flops / n / 1e6, r.issued / n / 1e6, r.bytes / n / 1e6, r.seconds / n * 1e6);
  }
  size_t bytes = 0;
  for (size_t i = 0; i < networks; ++i) bytes += NetworkRunner::bytesNeeded(request, i);
  std::printf("memory: kept %.1f MB, scratch %.1f MB per network; bytesNeeded %.1f\n",
              static_cast<double>(chunk.keptFloats()) * 4e-6 / static_cast<double>(networks),
              static_cast<double>(chunk.scratchFloats()) * 4e-6 / static_cast<double>(networks),
              static_cast<double>(bytes) * 1e-6 / static_cast<double>(networks));
  return 0;
}
