// Populations on the device against the CPU executor and, where they differ by more than rounding, against a plain
// evaluation in float64 that is disturbed by rounding errors: every operator on leaves and on every other's result over
// a grid of shapes, random programs, special values. Then what must not change a bit (sharing, blocks, memory, chunks)
// and what must fail well.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "native/core/programs.h"
#include "test/native/device_memory.h"
#include "test/native/device_population.h"
#include "test/native/expect.h"
#include "test/native/plain_programs.h"
#if defined(EZNAS_SHIM)
#include "shim.h"
#endif

namespace {

using namespace eznas;
using namespace eznas::cuda;
using check::Networks;
using check::PlainProgram;
using check::populationOf;
using check::Program;
using check::Random;
using check::RandomNetwork;
using check::randomPrograms;
using check::relatives;
using check::sameMatrix;
using check::shape4;
using check::text;
using check::word;
using test::DeviceTensors;
using test::evaluateThere;
using test::expect;
using test::expectError;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

ScoreMatrix evaluateHere(const std::vector<NetworkStatistics>& networks, const Population& population) {
  JobControl control;
  return evaluate(networks, population, {.threads = 1, .unitScores = true}, control);
}

/// Square and oblong maps and kernels, one element, equal batch and channels, lengths that are no multiple of four,
/// more than one tile of a block, slices of all ways to take determinants, Gram matrices in and out of shared memory.
std::vector<UnitShapes> signatures() {
  return {{shape4(2, 3, 5, 5), shape4(4, 3, 3, 3), shape4(2, 4, 5, 5)},
          {shape4(1, 1, 1, 1), shape4(1, 1, 1, 1), shape4(1, 1, 1, 1)},
          {shape4(3, 3, 4, 4), shape4(3, 3, 3, 3), shape4(3, 3, 4, 4)},
          {shape4(2, 2, 4, 7), shape4(5, 2, 1, 3), shape4(2, 5, 2, 3)},
          {shape4(1, 3, 19, 19), shape4(70, 3, 3, 3), shape4(1, 2, 10, 10)}};
}

// ---- against the CPU -----------------------------------------------------------------------------------------------

/// Rounding errors of the size of float32's decide some scores: an equality, a sign near zero, a near-singular matrix.
bool isDecided(const UnitStatistics& unit, const Program& program, double value) {
  for (uint64_t seed = 0; seed <= 6; ++seed) {
    const double moved = *PlainProgram(unit, seed == 0 ? 0 : 2e-7, seed).score(program);
    if (std::isfinite(moved) != std::isfinite(value)) return false;
    if (std::isfinite(moved) && std::abs(moved - value) > 2e-4 * std::abs(value)) return false;
  }
  return true;
}

struct Comparison {
  int valid = 0, undecided = 0;

  void compare(const std::vector<NetworkStatistics>& networks, const std::vector<Program>& programs,
               const ScoreMatrix& got, const ScoreMatrix& want) {
    expect(got.unitOffsets == want.unitOffsets, "units");
    for (size_t p = 0; p < programs.size(); ++p)
      for (size_t n = 0; n < networks.size(); ++n) {
        const size_t entry = p * networks.size() + n;
        const auto named = [&](const char* what) {
          return std::string(what) + " of " + text(programs[p]) + "on network " + std::to_string(n) + ": " +
                 std::to_string(got.scores[entry]) + ", not " + std::to_string(want.scores[entry]);
        };
        const bool invalid = want.status[entry] == ScoreStatus::invalid;
        expect((got.status[entry] == ScoreStatus::invalid) == invalid, named("validity"));
        expect((got.status[entry] == ScoreStatus::ok) == std::isfinite(got.scores[entry]), named("status"));
        bool decided = true;
        for (size_t u = 0; u < networks[n].units.size(); ++u) {
          const size_t unit = p * want.unitOffsets.back() + want.unitOffsets[n] + u;
          const double a = got.unitScores[unit], b = want.unitScores[unit];
          if (std::isnan(b) ? std::isnan(a) : a == b || std::abs(a - b) <= 2e-6 * std::abs(b)) continue;
          decided = decided && !isDecided(networks[n].units[u], programs[p], b);
          if (decided) continue;
          expect(
              std::isfinite(a) && std::isfinite(b) && std::abs(a - b) <= 1e-3 * std::abs(b),
              named("score") + "; unit " + std::to_string(u) + ": " + std::to_string(a) + ", not " + std::to_string(b));
        }
        if (!invalid) ++valid;
        if (!decided) ++undecided;
      }
  }
};

/// Every operator on leaves and on each other operator's result, and random trees, valid or not.
std::vector<Program> systematicPrograms(Random& random) {
  std::vector<Program> programs;
  for (uint32_t tensor = 0; tensor < static_cast<uint32_t>(kTensorCount); ++tensor) programs.push_back({tensor});
  for (uint32_t outer = 0; outer < kOperatorCount; ++outer)
    for (uint32_t inner = 0; inner < kOperatorCount; ++inner) {
      Program program;
      for (int i = 0; i < check::kArity[outer]; ++i) {
        const uint32_t first = random.below(kTensorCount), related = first / 6 * 6 + random.below(first < 18 ? 6 : 4);
        for (int j = 0; j < (i == 0 ? check::kArity[inner] : 1); ++j) program.push_back(j == 0 ? first : related);
        if (i == 0) program.push_back(kOperatorWord + inner);
      }
      program.push_back(kOperatorWord + outer);
      programs.push_back(std::move(program));
    }
  for (uint32_t op = 0; op < kOperatorCount; ++op)
    for (uint32_t tensor : {kT1D, kT3, kT4GD}) {
      Program program(static_cast<size_t>(check::kArity[op]), tensor);
      program.push_back(kOperatorWord + op);
      programs.push_back(std::move(program));
    }
  return programs;
}

void againstCpu(Stream& stream) {
  Random random(21);
  const std::vector<Program> systematic = systematicPrograms(random);
  Comparison comparison;
  for (const UnitShapes& shapes : signatures()) {
    const Networks networks(random, {{shapes}});
    std::vector<Program> programs = systematic;
    for (Program& program : randomPrograms(random, 150, {shapes})) programs.push_back(std::move(program));
    const Population population = populationOf(programs);
    const DeviceTensors tensors(networks.statistics, stream);
    comparison.compare(networks.statistics, programs, evaluateThere(tensors, population, stream),
                       evaluateHere(networks.statistics, population));
  }
  std::printf("%d valid scores, %d undecided\n", comparison.valid, comparison.undecided);
  expect(comparison.undecided < comparison.valid / 20, "most scores are decided");
}

}  // namespace

int main() {
  test::useExactAllocations();
  Device& device = Device::get(0);
  Stream stream(device);
  againstCpu(stream);
  return test::finish("cuda_population_test");
}
