// Populations: what parses, what is shared, which programs are valid where, and scores against a plain evaluation node
// by node, at every SIMD level. Then what must not change a score (sharing, threads, company) and what must fail well.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "native/core/population.h"
#include "native/core/programs.h"
#include "native/core/simd.h"
#include "test/native/expect.h"
#include "test/native/plain_programs.h"
#include "test/native/populations.h"
#include "test/native/random_graph.h"

using namespace eznas;
using check::Networks;
using check::PlainProgram;
using check::populationOf;
using check::Program;
using check::Random;
using check::RandomNetwork;
using check::randomPrograms;
using check::relatives;
using check::sameBits;
using check::sameMatrix;
using check::shape4;
using check::text;
using check::word;
using test::expect;
using test::expectError;

namespace {

ScoreMatrix evaluated(const std::vector<NetworkStatistics>& networks, const std::vector<Program>& programs,
                      bool share = true, int threads = 1) {
  JobControl control;
  return evaluate(networks, populationOf(programs, share), {.threads = threads, .unitScores = true}, control);
}

// ---- programs and their graph --------------------------------------------------------------------------------------

void hashConsing() {
  const uint32_t add = word(Operator::add), sub = word(Operator::sub), mul = word(Operator::mul),
                 lt = word(Operator::lt), gt = word(Operator::gt), exp = word(Operator::exp);
  const auto nodes = [](const std::vector<Program>& programs, bool share = true) {
    return populationOf(programs, share).nodeCount();
  };
  expect(nodes({{kT1D}}) == 1 && nodes({}) == 0, "a leaf is a node");
  expect(nodes({{kT1D, kT2D, add}, {kT2D, kT1D, add}}) == 3, "operands of add are ordered");
  expect(nodes({{kT1D, kT2D, sub}, {kT2D, kT1D, sub}}) == 4, "operands of sub are not");
  expect(nodes({{kT1D, kT2D, lt}, {kT2D, kT1D, gt}}) == 3, "a < b is b > a");
  expect(nodes({{kT1D, word(Operator::heaviside)}, {kT1D, word(Operator::gt0)}}) == 2, "heaviside is gt0");
  expect(nodes({{kT1D, exp, kT1D, exp, mul}}) == 3, "equal subtrees of one program stand once");
  expect(nodes({{kT1D, exp, kT1D, exp, mul}}, false) == 5, "and apart where sharing is off");
  for (const Operator op : {Operator::mul, Operator::eq, Operator::hamming, Operator::cosine})
    expect(nodes({{kT1D, kT2D, word(op)}, {kT2D, kT1D, word(op)}}) == 3, "commutative operators");
  for (const Operator op : {Operator::matmul, Operator::kl_div})
    expect(nodes({{kT1D, kT2D, word(op)}, {kT2D, kT1D, word(op)}}) == 4, "operators that are not commutative");
  const Population population = populationOf({{kT1D, kT4GP, add}, {kT3}});
  expect(population.size() == 2 && population.tensorsRead() == (1u << kT1D | 1u << kT4GP | 1u << kT3), "tensors read");
}

void malformed() {
  const auto refuse = [](std::vector<uint32_t> code, std::vector<uint32_t> offsets, const char* fragment) {
    expectError(
        code::kInvalidProgram, [&] { Population(code, offsets); }, fragment);
  };
  const uint32_t add = word(Operator::add), exp = word(Operator::exp);
  refuse({kT1D, kT2D}, {0, 2}, "leaves 2");
  refuse({kT1D, kT1D, add, add}, {0, 4}, "word 3");
  refuse({exp}, {0, 1}, "needs 1");
  refuse({22}, {0, 1}, "word 22");
  refuse({63}, {0, 1}, "word 63");
  refuse({kT1D, kOperatorWord + kOperatorCount}, {0, 2},
         ("word " + std::to_string(kOperatorWord + kOperatorCount)).c_str());
  refuse({kT1D, 0xffffffffu}, {0, 2}, "word 4294967295");
  refuse({kElementWord}, {0, 1}, "needs 1");
  refuse({kT1D, kT1D}, {0, 1, 1, 2}, "program 1");
  refuse({kT1D, kT1D}, {0, 1, 100, 2}, "program 1");
  refuse({kT1D, kT1D}, {0, 2, 1, 2}, "program 0");
  refuse({kT1D}, {0}, "offsets");
  refuse({kT1D}, {1, 1}, "offsets");
  refuse({}, {}, "offsets");
  // A chain far deeper than any call stack.
  Program deep{kT1D};
  deep.insert(deep.end(), 200000, word(Operator::abs));
  expect(populationOf({deep}).nodeCount() == 200001, "deep programs");
}

// ---- scores --------------------------------------------------------------------------------------------------------

/// Signatures with what makes programs valid and shapes coincide: square and oblong maps, 1 × 1, 3 × 3 and oblong
/// kernels, batches of one and more, equal batch and channels, several tiles, tensors of one element.
std::vector<UnitShapes> signatures() {
  return {{shape4(2, 3, 5, 5), shape4(4, 3, 3, 3), shape4(2, 4, 5, 5)},
          {shape4(1, 4, 8, 8), shape4(4, 4, 1, 1), shape4(1, 4, 8, 8)},
          {shape4(3, 3, 4, 4), shape4(3, 3, 3, 3), shape4(3, 3, 4, 4)},
          {shape4(2, 2, 4, 6), shape4(5, 2, 1, 3), shape4(2, 5, 2, 3)},
          {shape4(1, 3, 20, 20), shape4(2, 3, 3, 3), shape4(1, 2, 10, 10)},
          {shape4(1, 1, 1, 1), shape4(1, 1, 1, 1), shape4(1, 1, 1, 1)},
          {shape4(1, 8, 3, 3), shape4(8, 1, 3, 3), shape4(1, 8, 3, 3)}};
}

/// Every operator on leaves and on each other operator's result, and random trees, valid or not, on every signature.
void againstPlain() {
  Random random(11);
  std::vector<Program> programs;
  check::appendEveryPair(random, programs);
  for (int i = 0; i < 1500; ++i) programs.push_back(check::randomProgram(random, 1, 5));
  // Random trees are mostly invalid on most signatures: as many again that are valid on one.
  for (const UnitShapes& shapes : signatures())
    for (Program& program : randomPrograms(random, 200, {shapes})) programs.push_back(std::move(program));

  int compared = 0, undecided = 0, valid = 0;
  for (const UnitShapes& shapes : signatures()) {
    const Networks networks(random, {{shapes}});
    const ScoreMatrix matrix = evaluated(networks.statistics, programs);
    const UnitStatistics& unit = networks.statistics[0].units[0];
    for (size_t p = 0; p < programs.size(); ++p) {
      const std::optional<double> want = PlainProgram(unit, 0, 0).score(programs[p]);
      const std::string name = text(programs[p]);
      expect((matrix.status[p] == ScoreStatus::invalid) == !want, "validity of " + name);
      if (!want) {
        expect(std::isnan(matrix.scores[p]) && std::isnan(matrix.unitScores[p]), "invalid scores are NaN");
        continue;
      }
      ++valid;
      // Rounding errors of the size of float32's decide some scores: an equality, a sign near zero, a near-singular
      // matrix. They show when errors of that size are drawn at random.
      bool decided = true;
      for (uint64_t seed = 1; seed <= 6; ++seed) {
        const double moved = *PlainProgram(unit, 2e-7, seed).score(programs[p]);
        decided = decided && std::isfinite(moved) == std::isfinite(*want) &&
                  (!std::isfinite(moved) || std::abs(moved - *want) <= 2e-4 * std::abs(*want));
      }
      if (!decided) {
        ++undecided;
        continue;
      }
      ++compared;
      const bool finite = std::isfinite(*want);
      expect((matrix.status[p] == ScoreStatus::ok) == finite, "status of " + name + ", " + std::to_string(*want));
      if (!finite) continue;
      expect(std::abs(matrix.scores[p] - *want) <= 1e-3 * std::abs(*want),
             "score of " + name + ": " + std::to_string(matrix.scores[p]) + ", not " + std::to_string(*want));
      expect(matrix.scores[p] == matrix.unitScores[p], "one unit's mean is its score");
    }
  }
  std::printf("%d valid scores, %d compared, %d undecided\n", valid, compared, undecided);
  expect(undecided < valid / 5, "most scores are decided");
}

/// Elements of matrices on every signature: of a Gram matrix, whole and as an operand of tile loops, and of one value.
void elements() {
  Random random(15);
  const uint32_t gram = word(Operator::gram), add = word(Operator::add), ones = word(Operator::ones_like);
  for (const UnitShapes& shapes : signatures()) {
    const Networks networks(random, {{shapes}});
    const auto rows = static_cast<uint32_t>(shapes.of(kT4D).dims[0]);
    const auto columns = static_cast<size_t>(shapes.of(kT4D).numel()) / rows;
    const float* x = networks.statistics[0].units[0].tensors[kT4D];
    std::vector<Program> programs;
    for (uint32_t e = 0; e < rows * rows; ++e)
      for (const Program& matrix : {Program{kT4D, gram}, {kT4D, gram, kT4D, gram, add}, {kT4D, gram, ones}}) {
        programs.push_back(matrix);
        programs.back().push_back(kElementWord + e);
      }
    const ScoreMatrix matrix = evaluated(networks.statistics, programs);
    expect(sameMatrix(matrix, evaluated(networks.statistics, programs, false)), "sharing does not change elements");
    for (uint32_t e = 0; e < rows * rows; ++e) {
      double want = 0, size = 0;
      for (size_t k = 0; k < columns; ++k) {
        const double a = x[e / rows * columns + k], b = x[e % rows * columns + k];
        want += a * b;
        size += std::abs(a * b);
      }
      const double* got = &matrix.scores[size_t{3} * e];
      expect(std::abs(got[0] - want) <= 1e-6 * size && got[1] == 2 * got[0] && got[2] == 1, "element of a matrix");
    }
    const ScoreMatrix refused =
        evaluated(networks.statistics, {{kT4D, gram, kElementWord + rows * rows}, {kT4D, kElementWord}});
    for (const ScoreStatus status : refused.status) expect(status == ScoreStatus::invalid, "no such element");
  }
}

void sharing() {
  Random random(12);
  for (const UnitShapes& shapes : signatures()) {
    const std::vector<Program> programs = relatives(random, shapes, 300);
    const Networks networks(random, {{shapes, shapes}});
    const ScoreMatrix shared = evaluated(networks.statistics, programs);
    expect(sameMatrix(shared, evaluated(networks.statistics, programs, false)), "sharing does not change scores");
    expect(populationOf(programs).nodeCount() < populationOf(programs, false).nodeCount() / 2, "much is shared");
    for (size_t p = 0; p < programs.size(); p += 37)
      expect(sameBits({shared.scores[p]}, evaluated(networks.statistics, {programs[p]}).scores),
             "company does not change scores");
  }
}

void threads() {
  Random random(13);
  std::vector<std::vector<UnitShapes>> units(7);
  for (size_t n = 0; n < units.size(); ++n)
    for (size_t u = 0; u < n; ++u) units[n].push_back(signatures()[random.below(5)]);
  const Networks networks(random, units);
  std::vector<Program> programs;
  for (int i = 0; i < 200; ++i) programs.push_back(check::randomProgram(random, 0, 4));
  const ScoreMatrix one = evaluated(networks.statistics, programs);
  for (const int count : {0, 2, 3, 16})
    expect(sameMatrix(one, evaluated(networks.statistics, programs, true, count)), "threads do not change scores");

  // A network's score is the mean of its units', status follows from theirs; without units it is not finite.
  for (size_t p = 0; p < programs.size(); ++p)
    for (size_t n = 0; n < units.size(); ++n) {
      double sum = 0;
      bool valid = true;
      for (const UnitShapes& shapes : units[n]) valid = valid && check::isValid(programs[p], shapes);
      for (size_t u = one.unitOffsets[n]; u < one.unitOffsets[n + 1]; ++u)
        sum += one.unitScores[p * one.unitOffsets.back() + u];
      const double mean = sum / static_cast<double>(units[n].size());
      const size_t entry = p * units.size() + n;
      const ScoreStatus want = !valid                ? ScoreStatus::invalid
                               : std::isfinite(mean) ? ScoreStatus::ok
                                                     : ScoreStatus::nonfinite;
      expect(one.status[entry] == want, "status of a network");
      expect(want == ScoreStatus::ok ? one.scores[entry] == mean : std::isnan(one.scores[entry]), "score of a network");
    }
  JobControl control;
  const ScoreMatrix without = evaluate(networks.statistics, populationOf(programs), {.threads = 2}, control);
  expect(without.unitScores.empty() && sameBits(without.scores, one.scores), "unit scores are given when asked for");
  expect(control.done == 21, "progress counts units");
}

void specialInputs() {
  Random random(14);
  const float values[] = {NAN, INFINITY, -INFINITY, 0.0f, 3e38f, 1e-45f};
  for (const UnitShapes& shapes : signatures()) {
    for (const float value : values) {
      RandomNetwork network;
      network.addUnit(random, shapes);
      for (std::vector<float>& tensor : network.values)
        for (float& v : tensor)
          if (random.below(2) == 0) v = value;
      std::vector<NetworkStatistics> networks;
      networks.push_back(std::move(network.statistics));
      const std::vector<Program> programs = randomPrograms(random, 150, {shapes});
      const ScoreMatrix matrix = evaluated(networks, programs);
      for (size_t p = 0; p < programs.size(); ++p) {
        expect(matrix.status[p] != ScoreStatus::invalid, "values do not decide validity");
        expect((matrix.status[p] == ScoreStatus::ok) == std::isfinite(matrix.unitScores[p]),
               "status of special values");
      }
    }
  }
}

// ---- limits and bad input ------------------------------------------------------------------------------------------

void tooLarge() {
  Random random(15);
  const auto shapes = [](int64_t a, int64_t b) {
    return UnitShapes{shape4(1, 1, 1, a), shape4(1, 1, b, 1), shape4(1, 1, 1, a)};
  };
  // 12,000 × 12,000 elements are more than 2^27; so is a determinant of 2,000 × 2,000 more than is factorised.
  const std::vector<Program> programs = {{kT1D, kT3, word(Operator::add)},
                                         {kT3, kT1D, word(Operator::matmul)},
                                         {kT1D, kT3, word(Operator::kl_div)},
                                         {kT1D, kT3, word(Operator::add), word(Operator::mean)},
                                         {kT1D, word(Operator::mean)}};
  const Networks wide(random, {{shapes(12000, 12000)}});
  const ScoreMatrix matrix = evaluated(wide.statistics, programs);
  for (size_t p = 0; p < 4; ++p) expect(matrix.status[p] == ScoreStatus::invalid, "too large a result is invalid");
  expect(matrix.status[4] == ScoreStatus::ok, "the others are evaluated");
  const Networks square(random, {{{shape4(1, 1, 2000, 2000), shape4(2100, 1, 1, 1), shape4(1, 1, 1, 1)}}});
  const ScoreMatrix limits =
      evaluated(square.statistics,
                {{kT1D, word(Operator::det)}, {kT3, word(Operator::symeig_ratio)}, {kT1D, word(Operator::abs)}});
  expect(limits.status[0] == ScoreStatus::invalid && limits.status[1] == ScoreStatus::invalid, "matrices too large");
  expect(limits.status[2] == ScoreStatus::ok, "elementwise operators have no such limit");
}

void badRequests() {
  Random random(16);
  const Networks networks(random, {{signatures()[0]}, {signatures()[1], signatures()[2]}});
  const Population population = populationOf({{kT1D, kT3, word(Operator::cosine)}, {kT4D}});
  JobControl control;
  const auto refuse = [&](const UnitStatistics& unit, const char* fragment) {
    std::vector<NetworkStatistics> wrong(2);
    wrong[0].units = networks.statistics[0].units;
    wrong[1].units = {networks.statistics[1].units[0], unit};
    expectError(
        code::kInvalidArgument, [&] { evaluate(wrong, population, {}, control); }, "network 1, unit 1", fragment);
  };
  UnitStatistics unit = networks.statistics[1].units[1];
  unit.tensors[kT3] = nullptr;
  refuse(unit, "tensor 12");
  for (const int64_t size : {int64_t{0}, int64_t{-5}, INT64_MIN}) {
    unit = networks.statistics[1].units[1];
    unit.shapes.weight.dims[2] = size;
    refuse(unit, "positive");
  }
  unit = networks.statistics[1].units[1];
  unit.shapes.after.dims[1] = int64_t{1} << 50;
  refuse(unit, "2^40");
  unit = networks.statistics[1].units[1];
  unit.shapes.before.rank = 5;
  refuse(unit, "rank 5");
  unit = networks.statistics[1].units[1];
  unit.tensors[kT2D] = nullptr;
  const std::vector<NetworkStatistics> none;
  expect(evaluate(none, population, {}, control).scores.empty(), "no networks");
  expect(evaluate(networks.statistics, populationOf({}), {}, control).scores.empty(), "no programs");
  control.cancelled = true;
  expectError(code::kAborted, [&] { evaluate(networks.statistics, population, {}, control); });
}

// ---- networks that are run -----------------------------------------------------------------------------------------

void scoring() {
  CollectRequest request;
  request.seed = 5;
  request.tensors = 0;
  request.minibatch.batch = 2;
  const Graph graph = test::RandomGraph(3).graph();
  request.minibatch.shape = graph.nodes[0].shape;
  const SampleShape s = request.minibatch.shape;
  Random random(17);
  for (int i = 0; i < 2 * s.c * s.h * s.w; ++i) request.minibatch.data.push_back(random.normal());
  for (uint64_t key = 0; key < 5; ++key) request.networks.push_back({.graph = graph, .key = key, .parameters = {}});

  std::vector<Program> programs;
  for (int i = 0; i < 100; ++i) programs.push_back(check::randomProgram(random, 0, 3));
  const Population population = populationOf(programs);
  CollectRequest all = request;
  all.tensors = kAllTensors;
  std::vector<NetworkStatistics> networks;
  for (size_t n = 0; n < request.networks.size(); ++n) networks.push_back(collectNetwork(all, n));
  const ScoreMatrix want = evaluated(networks, programs);
  for (const int count : {1, 2}) {
    JobControl control;
    const ScoreMatrix got = scoreNetworks(request, population, {.threads = count, .unitScores = true}, control);
    expect(sameMatrix(got, want), "scoreNetworks is collect and evaluate");
    expect(control.done == request.networks.size(), "progress counts networks");
  }
}

void atThisLevel() {
  hashConsing();
  malformed();
  againstPlain();
  elements();
  sharing();
  threads();
  specialInputs();
  tooLarge();
  badRequests();
  scoring();
}

}  // namespace

/// The level is chosen for the process: this program runs itself once per level.
int main(int, char** arguments) {
  const char* asked = std::getenv("EZNAS_SIMD");
  if (asked != nullptr && *asked != '\0') {
    atThisLevel();
  } else {
    for (const SimdLevel level : supportedSimdLevels())
      expect(std::system((std::string("EZNAS_SIMD=") + name(level) + " '" + arguments[0] + "'").c_str()) == 0,
             std::string("at level ") + name(level));
  }
  return test::finish("population_test");
}
