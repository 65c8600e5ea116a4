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
  check::appendEveryPair(random, programs);
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

/// Single matrices: sizes of determinants around lanes and shared memory, rows of Gram matrices around panels.
void matrices(Stream& stream) {
  Random random(22);
  std::vector<Program> programs;
  for (const Operator op : {Operator::det, Operator::logdet, Operator::logabsdet, Operator::symeig_ratio,
                            Operator::eig_ratio, Operator::gram, Operator::covariance, Operator::spectral_entropy,
                            Operator::participation_ratio, Operator::softmax, Operator::channels_first,
                            Operator::flatten, Operator::std, Operator::min, Operator::max, Operator::count_nonzero})
    for (const uint32_t tensor : {kT1D, kT3, kT4D}) programs.push_back({tensor, word(op)});
  const Population population = populationOf(programs);
  Comparison comparison;
  for (const int64_t n : {2, 4, 5, 8, 9, 16, 17, 32, 33, 66}) {
    // One slice of n × n and several; as many rows as n, of more and of fewer columns.
    const UnitShapes shapes{shape4(1, 1, n, n), shape4(n, 2 * n + 1, 1, 1), shape4(3, 2, n, n)};
    const Networks networks(random, {{shapes}, {{shape4(n, n / 2, 1, 1), shape4(n, 1, n, 1), shapes.after}}});
    const DeviceTensors tensors(networks.statistics, stream);
    comparison.compare(networks.statistics, programs, evaluateThere(tensors, population, stream),
                       evaluateHere(networks.statistics, population));
  }
  expect(comparison.undecided < comparison.valid / 20, "most matrices are decided");
}

/// Matrices of known rank: a singular one has determinant 0 and an infinite ratio, never NaN.
void singular(Stream& stream) {
  Random random(23);
  const uint32_t tensor = kT1D;
  const std::vector<Operator> operators = {Operator::det, Operator::logdet, Operator::symeig_ratio, Operator::eig_ratio,
                                           Operator::spectral_entropy};
  std::vector<Program> programs;
  for (const Operator op : operators) programs.push_back({tensor, word(op)});
  const Population population = populationOf(programs);
  for (const int64_t n : {2, 3, 4, 16, 32, 40, 70}) {
    const UnitShapes square{{.rank = 2, .dims = {n, n, 1, 1}}, shape4(1, 1, 1, 1), shape4(1, 1, 1, 1)};
    const auto scoresOf = [&](const auto& element) {
      RandomNetwork network;
      network.addUnit(random, square);
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) {
          float& value = network.values[tensor][static_cast<size_t>(i * n + j)];
          value = element(i, j, value);
        }
      std::vector<NetworkStatistics> networks;
      networks.push_back(std::move(network.statistics));
      return evaluateThere(DeviceTensors(networks, stream), population, stream).unitScores;
    };
    const std::string name = " of " + std::to_string(n) + " rows";
    const auto expectSingular = [&](const std::vector<double>& scores, const std::string& what) {
      expect(scores[0] == 0 && !std::signbit(scores[0]), "det 0: " + what + name);
      expect(scores[1] == -static_cast<double>(kInf), "ln det −Inf: " + what + name);
      expect(scores[2] == static_cast<double>(kInf) && scores[3] == scores[2], "ratio Inf: " + what + name);
    };
    std::vector<float> first(static_cast<size_t>(n));
    for (float& v : first) v = random.normal();
    const auto equalRows = scoresOf([&](int64_t, int64_t j, float) { return first[static_cast<size_t>(j)]; });
    expectSingular(equalRows, "equal rows");
    expect(std::abs(equalRows[4]) <= 1e-6, "no entropy of equal rows");
    expectSingular(scoresOf([](int64_t i, int64_t, float v) { return i == 1 ? 0.0f : v; }), "a row of zeros");
    expectSingular(scoresOf([](int64_t, int64_t j, float v) { return j == 1 ? 0.0f : v; }), "a column of zeros");
    expectSingular(scoresOf([&](int64_t i, int64_t j, float) {
                     return static_cast<float>(i + 1) * first[static_cast<size_t>(j)];
                   }),
                   "multiples");
    const std::vector<double> zeros = scoresOf([](int64_t, int64_t, float) { return 0.0f; });
    expect(zeros[0] == 0 && std::isnan(zeros[2]) && std::isnan(zeros[3]) && zeros[4] == 0, "zeros" + name);
    const std::vector<double> unit = scoresOf([](int64_t i, int64_t j, float) { return i == j ? 1.0f : 0.0f; });
    expect(unit[0] == 1 && unit[1] == 0 && unit[2] == 1 && unit[3] == 1, "unit matrix" + name);
    expect(std::abs(unit[4] - std::log(static_cast<double>(n))) <= 1e-6, "entropy of equal eigenvalues" + name);
    for (const float special : {kInf, -kInf, kNaN}) {
      const std::vector<double> scores =
          scoresOf([&](int64_t i, int64_t j, float v) { return i == n - 1 && j == 0 ? special : v; });
      expect(std::isnan(scores[0]) && scores[1] == 0, "no determinant with " + std::to_string(special) + name);
      expect(std::isnan(scores[2]) && std::isnan(scores[3]) && std::isnan(scores[4]), "no ratio" + name);
    }
  }
}

void specialInputs(Stream& stream) {
  Random random(24);
  const float values[] = {kNaN, kInf, -kInf, 0.0f, -0.0f, 3e38f, 1e-45f};
  Comparison comparison;
  for (const UnitShapes& shapes : signatures()) {
    const std::vector<Program> programs = randomPrograms(random, 100, {shapes});
    std::vector<NetworkStatistics> networks;
    std::vector<RandomNetwork> storage(std::size(values));
    for (size_t i = 0; i < storage.size(); ++i) {
      storage[i].addUnit(random, shapes);
      for (std::vector<float>& tensor : storage[i].values)
        for (float& v : tensor)
          if (random.below(2) == 0) v = values[i];
      networks.push_back(std::move(storage[i].statistics));
    }
    const Population population = populationOf(programs);
    comparison.compare(networks, programs, evaluateThere(DeviceTensors(networks, stream), population, stream),
                       evaluateHere(networks, population));
  }
  std::printf("%d scores of special values, %d undecided\n", comparison.valid, comparison.undecided);
  expect(comparison.undecided < comparison.valid / 10, "most special values are decided");
}

// ---- what must not change a bit ------------------------------------------------------------------------------------

/// Networks of several units, one of none, and a population whose programs share subtrees.
struct Setting {
  Random random{25};
  std::vector<UnitShapes> shapes = signatures();
  Networks networks{random, {{shapes[0], shapes[2]}, {shapes[2]}, {}, {shapes[4], shapes[0], shapes[1]}, {shapes[2]}}};
  std::vector<Program> programs = relatives(random, shapes[0], 120);
};

void limits(Stream& stream) {
  Setting setting;
  const Population population = populationOf(setting.programs);
  const DeviceTensors tensors(setting.networks.statistics, stream);
  const ScoreMatrix want = evaluateThere(tensors, population, stream);
  Comparison comparison;
  comparison.compare(setting.networks.statistics, setting.programs, want,
                     evaluateHere(setting.networks.statistics, population));
  const auto expectSame = [&](const ScoreMatrix& got, const char* what) {
    expect(sameMatrix(got, want), std::string(what) + " changes no bit");
  };
  expectSame(evaluateThere(tensors, population, stream), "a second run");
  expectSame(evaluateThere(tensors, populationOf(setting.programs, false), stream), "sharing");
  expectSame(evaluateThere(tensors, population, stream, {.blocks = 1}), "a single block");
  expectSame(evaluateThere(tensors, population, stream, {.blocks = 3, .groupNodes = 1}), "small groups");
  expectSame(evaluateThere(tensors, population, stream, {.groupNodes = 500}), "large groups");
  expectSame(evaluateThere(tensors, population, stream, {}, 2), "a call per two networks");

  // The least memory with which the largest program still runs, and some more.
  std::vector<UnitShapes> units;
  for (const NetworkStatistics& network : setting.networks.statistics)
    for (const UnitStatistics& unit : network.units) units.push_back(unit.shapes);
  PopulationRunner runner(stream.device(), population, {.scratchBytes = 1});
  expect(runner.bytesNeeded(units, 1) < runner.bytesNeeded(units, 8) + 1, "more blocks need no less");
  size_t least = 1;
  const auto fits = [&](size_t bytes) {
    try {
      expectSame(evaluateThere(tensors, population, stream, {.scratchBytes = bytes}), "little memory");
      return true;
    } catch (const Error& error) {
      expect(std::string(error.code()) == code::kOutOfMemory, std::string("too little memory: ") + error.what());
      return false;
    }
  };
  while (!fits(least)) least *= 8;
  expect(least > 1000, "scratch memory is needed");
  for (const size_t bytes : {least + least / 4, least * 3}) expect(fits(bytes), "more memory fits too");

  const size_t program = static_cast<size_t>(setting.programs.size()) / 2;
  const ScoreMatrix alone = evaluateThere(tensors, populationOf({setting.programs[program]}), stream);
  for (size_t n = 0; n < alone.networks; ++n)
    expect(check::sameBits({alone.scores[n]}, {want.scores[program * want.networks + n]}), "company changes no score");
}

/// Chains and combs far deeper than a search makes: many windows of instructions, many slots, sums and scalars at once.
void deepPrograms(Stream& stream) {
  Random random(26);
  const UnitShapes shapes{shape4(2, 3, 5, 41), shape4(4, 3, 3, 3), shape4(2, 4, 5, 5)};
  const Networks networks(random, {{shapes}});
  std::vector<Program> programs;
  Program chain{kT1D};
  for (int i = 0; i < 300; ++i) {
    chain.push_back(word(i % 3 == 0 ? Operator::abs : i % 3 == 1 ? Operator::log : Operator::sigmoid));
    if (i % 50 == 49) programs.push_back(chain);
  }
  // A comb of values that are all needed again at the end: more than shared memory holds.
  Program comb;
  for (int tooth = 0; tooth < 40; ++tooth) {
    comb.push_back(kT1D);
    for (int i = 0; i <= tooth; ++i) comb.push_back(word(i % 2 == 0 ? Operator::sigmoid : Operator::abs));
  }
  for (int tooth = 1; tooth < 40; ++tooth) comb.push_back(word(Operator::add));
  programs.push_back(comb);
  // Sums that all end with one loop, and more scalars than shared memory holds.
  Program scalars;
  for (int i = 0; i < 700; ++i) {
    scalars.push_back(kT1D);
    scalars.push_back(i % 2 == 0 ? kT1N : kT1GD);
    for (int j = 0; j < i % 5; ++j) scalars.push_back(word(Operator::abs));
    scalars.push_back(word(i % 7 == 0 ? Operator::mul : Operator::add));
    for (int j = 0; j < i / 35; ++j) scalars.push_back(word(Operator::sigmoid));
    scalars.push_back(word(i % 3 == 0 ? Operator::mean : i % 3 == 1 ? Operator::l1_norm : Operator::frobenius_norm));
    if (i > 0) scalars.push_back(word(Operator::add));
  }
  programs.push_back(scalars);
  for (const bool share : {true, false}) {
    const Population population = populationOf(programs, share);
    const ScoreMatrix got = evaluateThere(DeviceTensors(networks.statistics, stream), population, stream),
                      want = evaluateHere(networks.statistics, population);
    for (size_t p = 0; p < programs.size(); ++p)
      expect(std::abs(got.scores[p] - want.scores[p]) <= 1e-5 * std::abs(want.scores[p]),
             "deep program " + std::to_string(p) + ": " + std::to_string(got.scores[p]) + ", not " +
                 std::to_string(want.scores[p]));
  }
}

// ---- rank correlation ----------------------------------------------------------------------------------------------

/// τ-b and ρ by their definitions, over all pairs.
struct Definition {
  double tau = kNaN, rho = kNaN;

  Definition(const std::vector<double>& x, const std::vector<double>& y) {
    const auto has = [](const std::vector<double>& v) {
      return std::any_of(v.begin(), v.end(), [](double a) { return std::isnan(a); });
    };
    if (has(x) || has(y) || x.size() < 2) return;
    const auto order = [](double a, double b) { return a < b ? -1 : a > b ? 1 : 0; };
    double difference = 0, untiedX = 0, untiedY = 0, xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      double rankX = 0, rankY = 0;
      for (size_t j = 0; j < x.size(); ++j) {
        const int a = order(x[i], x[j]), b = order(y[i], y[j]);
        difference += a * b;
        untiedX += a * a;
        untiedY += b * b;
        rankX += a;
        rankY += b;
      }
      xy += rankX * rankY;
      xx += rankX * rankX;
      yy += rankY * rankY;
    }
    if (untiedX == 0 || untiedY == 0) return;
    tau = difference / std::sqrt(untiedX * untiedY);
    rho = xy / std::sqrt(xx * yy);
  }
};

void correlations(Stream& stream) {
  Random random(27);
  const auto near = [](double a, double b) { return std::isnan(b) ? std::isnan(a) : std::abs(a - b) <= 1e-12; };
  for (const size_t networks : {0, 1, 2, 3, 31, 256, 257, 600}) {
    std::vector<uint32_t> offsets(networks + 1, 0);
    const size_t programs = 6;
    const DeviceScores scores(stream.device(), programs, offsets, false, stream);
    // Without ties, with many, constant, with NaN, with denormals and both zeros; the last as the accuracies.
    std::vector<std::vector<double>> rows(programs, std::vector<double>(networks));
    std::vector<double> accuracies(networks);
    for (size_t n = 0; n < networks; ++n) {
      accuracies[n] = random.below(4) == 0 ? 90.5 : 80 + 10 * random.uniform();
      rows[0][n] = static_cast<double>(random.normal());
      rows[1][n] = static_cast<double>(random.below(5)) + accuracies[n] - std::fmod(accuracies[n], 4);
      rows[2][n] = 3;
      rows[3][n] = n == networks / 2 ? kNaN : static_cast<double>(random.normal());
      rows[4][n] = random.below(2) == 0 ? 4e-324 : random.below(2) == 0 ? -0.0 : 0.0;
      rows[5][n] = accuracies[n];
    }
    for (size_t p = 0; p < programs; ++p)
      stream.copyToDevice(scores.scores() + p * networks, rows[p].data(), networks * sizeof(double));
    std::vector<std::vector<double>> lists{accuracies, std::vector<double>(networks, 1.0), accuracies, accuracies};
    if (networks > 0) {
      lists[2][networks - 1] = kNaN;
      lists[3][0] = static_cast<double>(kInf);
    }
    for (const std::vector<double>& list : lists) {
      const RankCorrelations got = rankCorrelations(scores, 0, list, stream);
      for (size_t p = 0; p < programs; ++p) {
        const Definition want(rows[p], list);
        const std::string name = " of row " + std::to_string(p) + ", " + std::to_string(networks) + " networks: ";
        expect(near(got.kendallTau[p], want.tau), "τ" + name + std::to_string(got.kendallTau[p]));
        expect(near(got.spearmanRho[p], want.rho), "ρ" + name + std::to_string(got.spearmanRho[p]));
        expect((got.valid[p] != 0) == (p != 3 || networks == 0), "validity" + name);
      }
    }
    // Some columns.
    if (networks > 40) {
      const size_t first = 17, count = 20;
      const std::vector<double> part(accuracies.begin() + first, accuracies.begin() + first + count);
      const RankCorrelations got = rankCorrelations(scores, first, part, stream);
      for (size_t p = 0; p < programs; ++p) {
        const Definition want({rows[p].begin() + first, rows[p].begin() + first + count}, part);
        expect(near(got.kendallTau[p], want.tau) && near(got.spearmanRho[p], want.rho), "some columns");
      }
    }
    expectError(
        code::kInvalidArgument, [&] { rankCorrelations(scores, 1, accuracies, stream); }, "one per column");
  }
}

// ---- bad input and failures ----------------------------------------------------------------------------------------

void badRequests(Stream& stream) {
  Setting setting;
  const Population population = populationOf({{kT1D, kT3, word(Operator::cosine)}, {kT4D}});
  const DeviceTensors tensors(setting.networks.statistics, stream);
  PopulationRunner runner(stream.device(), population);
  DeviceScores scores(stream.device(), 2, tensors.offsets(), false, stream);
  const auto refuse = [&](const auto& change, const char* fragment) {
    std::vector<std::vector<UnitStatistics>> networks = tensors.networks();
    change(networks[3][1]);
    expectError(
        code::kInvalidArgument, [&] { runner.run(networks, scores, 0, stream); }, "network 3, unit 1", fragment);
  };
  refuse([](UnitStatistics& unit) { unit.tensors[kT3] = nullptr; }, "tensor 12");
  refuse([](UnitStatistics& unit) { unit.shapes.weight.dims[2] = 0; }, "positive");
  refuse([](UnitStatistics& unit) { unit.shapes.before.rank = 5; }, "rank 5");
  expectError(
      code::kInvalidArgument, [&] { runner.run(tensors.networks(), scores, 1, stream); }, "score matrix");
  expectError(
      code::kInvalidArgument, [&] { runner.run(std::span(tensors.networks()).subspan(1), scores, 0, stream); },
      "network 0 has 1 units", "2");
  DeviceScores other(stream.device(), 3, tensors.offsets(), false, stream);
  expectError(
      code::kInvalidArgument, [&] { runner.run(tensors.networks(), other, 0, stream); }, "3 programs");
  expectError(
      code::kTooLarge,
      [&] {
        DeviceScores(stream.device(), size_t{1} << 31, {0, 1, 2, 3, 4, 5}, false, stream);
      },
      "score matrix");
  for (const ScoreStatus status : scores.toHost(stream).status)
    expect(status == ScoreStatus::nonfinite, "nothing was written");
  expect(evaluateThere(tensors, populationOf({}), stream).scores.empty(), "no programs");
  expect(evaluateThere(DeviceTensors({}, stream), population, stream).scores.empty(), "no networks");
}

#if defined(EZNAS_SHIM)
/// Every call that may fail, at several of its occurrences: a typed error, and the runner is good for another run.
void failures(Stream& stream) {
  Setting setting;
  setting.programs.resize(12);
  const Population population = populationOf(setting.programs);
  const DeviceTensors tensors(setting.networks.statistics, stream);
  const ScoreMatrix want = evaluateThere(tensors, population, stream);
  int failed = 0;
  for (const char* call : {"cudaMalloc", "cudaMallocHost", "cudaMemcpyAsync", "cudaLaunchKernel", "cudaEventRecord",
                           "cudaStreamSynchronize"})
    for (int nth = 1; nth <= 3; ++nth) {
      PopulationRunner runner(stream.device(), population);
      DeviceScores scores(stream.device(), population.size(), tensors.offsets(), true, stream);
      const bool memory = std::string(call).find("Malloc") != std::string::npos;
      shim::failCall(call, nth, memory ? cudaErrorMemoryAllocation : cudaErrorInvalidValue);
      try {
        runner.run(tensors.networks(), scores, 0, stream);
      } catch (const Error& error) {
        ++failed;
        const bool typed = std::string(error.code()) == (memory ? code::kOutOfMemory : code::kCudaError);
        expect(typed, std::string(call) + " gave " + error.code() + ": " + error.what());
      }
      shim::reset();
      runner.run(tensors.networks(), scores, 0, stream);
      expect(sameMatrix(scores.toHost(stream), want), std::string("a run after a failed ") + call);
    }
  expect(failed >= 10, "calls failed");
  expect(shim::damagedGuard().empty(), "nothing was written beyond its memory: " + shim::damagedGuard());
}
#endif

}  // namespace

int main() {
  test::useExactAllocations();
  Device& device = Device::get(0);
  Stream stream(device);
  againstCpu(stream);
  matrices(stream);
  singular(stream);
  specialInputs(stream);
  limits(stream);
  deepPrograms(stream);
  correlations(stream);
  badRequests(stream);
#if defined(EZNAS_SHIM)
  failures(stream);
#endif
  return test::finish("cuda_population_test");
}
