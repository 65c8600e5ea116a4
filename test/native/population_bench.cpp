// Node-elements per second of population evaluation: one tree node applied to one element (of its result or largest
// operand). First each operator alone, on activations and on weights, then a population of random valid programs, on
// random NAS-Bench-201 networks (16 channels, 5 cells per stage).
//
//   population_bench [threads = 1] [programs = 50] [networks = 20] [batch = 1]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "native/core/programs.h"
#include "native/core/simd.h"
#include "test/native/random_programs.h"

namespace {

using namespace eznas;
using namespace eznas::check;

RandomNetwork randomNetwork(Random& random, int batch) {
  RandomNetwork network;
  int edges[6];  // kernel size, or 0
  for (int& kernel : edges) {
    const uint32_t op = random.below(5);
    kernel = op == 0 ? 1 : op == 1 ? 3 : 0;
  }
  int64_t channels = 16, size = 32;
  const auto add = [&](int64_t in, int64_t out, int64_t from, int64_t to, int64_t kernel) {
    network.addUnit(random,
                    {shape4(batch, in, from, from), shape4(out, in, kernel, kernel), shape4(batch, out, to, to)});
  };
  for (int stage = 0; stage < 3; ++stage) {
    if (stage > 0) {
      add(channels, 2 * channels, size, size / 2, 3);
      channels *= 2;
      size /= 2;
      add(channels, channels, size, size, 3);
    }
    for (int cell = 0; cell < 5; ++cell)
      for (const int kernel : edges)
        if (kernel > 0) add(channels, channels, size, size, kernel);
  }
  return network;
}

struct Programs {
  std::vector<uint32_t> code, offsets{0};
  double nodeElements = 0;
  void add(const std::vector<uint32_t>& program) {
    code.insert(code.end(), program.begin(), program.end());
    offsets.push_back(static_cast<uint32_t>(code.size()));
  }
};

bool isValidOnAll(const std::vector<uint32_t>& program, const std::vector<NetworkStatistics>& networks,
                  double& elements) {
  for (const NetworkStatistics& network : networks)
    for (const UnitStatistics& unit : network.units)
      if (!isValid(program, unit.shapes, &elements)) return false;
  return true;
}

double processorMilliseconds() { return 1e3 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Milliseconds of processor time per thread, of the quickest of some runs: other processes' share does not count.
double measure(const std::vector<NetworkStatistics>& networks, const Programs& programs, int threads, bool share) {
  const Population population(programs.code, programs.offsets, share);
  double best = 1e300, total = 0;
  for (int run = 0; run < 30 && (run < 3 || total < 300); ++run) {
    JobControl control;
    const double start = processorMilliseconds();
    evaluate(networks, population, {.threads = threads, .unitScores = false}, control);
    const double ms = (processorMilliseconds() - start) / threads;
    best = std::min(best, ms);
    total += ms;
  }
  return best;
}

void benchOperators(const std::vector<NetworkStatistics>& networks, int threads) {
  std::printf("%-16s %12s %12s   G node-elements/s\n", "operator", "activations", "weights");
  for (int op = 0; op < kOperatorCount; ++op) {
    std::printf("%-16s", kOperatorNames[op]);
    for (const uint32_t first : {kT1D, kT3}) {
      Programs programs;
      std::vector<uint32_t> program{first};
      if (kArity[op] == 2) program.push_back(first == kT1D ? kT2D : kT3GD);
      program.push_back(kOperatorWord + static_cast<uint32_t>(op));
      if (isValidOnAll(program, networks, programs.nodeElements)) {
        programs.add(program);
        std::printf(" %12.2f", programs.nodeElements / measure(networks, programs, threads, true) / 1e6);
      } else {
        std::printf(" %12s", "-");
      }
    }
    std::printf("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, int fallback) { return argc > i ? std::atoi(argv[i]) : fallback; };
  const int threads = argument(1, 1), programCount = argument(2, 50), networkCount = argument(3, 20);
  Random random(1);
  std::vector<RandomNetwork> generated;
  std::vector<NetworkStatistics> networks;
  size_t units = 0;
  for (int i = 0; i < networkCount; ++i) {
    generated.push_back(randomNetwork(random, argument(4, 1)));
    networks.push_back(std::move(generated.back().statistics));
    units += networks.back().units.size();
  }
  std::printf("%s, %d threads, %d networks, %zu units\n", name(simdLevel()), threads, networkCount, units);
  benchOperators(networks, threads);

  Programs programs;
  size_t nodes = 0;
  while (programs.offsets.size() <= static_cast<size_t>(programCount)) {
    const std::vector<uint32_t> program = randomProgram(random, 2, 6);
    double elements = 0;
    if (!isValidOnAll(program, networks, elements)) continue;
    programs.add(program);
    programs.nodeElements += elements;
    nodes += program.size();
  }
  for (const bool share : {false, true}) {
    const double ms = measure(networks, programs, threads, share);
    std::printf("%d programs, %zu nodes, %s: %.1f ms, %.2f G node-elements/s\n", programCount, nodes,
                share ? "shared" : "apart", ms, programs.nodeElements / ms / 1e6);
  }
  return 0;
}
