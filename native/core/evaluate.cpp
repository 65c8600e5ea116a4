// Populations on networks: which plan for which unit, who runs it, and what becomes of the units' scores.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "native/core/error.h"
#include "native/core/population.h"
#include "native/core/shape_rules.h"
#include "native/core/simd.h"
#include "native/core/unit_checks.h"
#include "native/core/unit_plan.h"
#include "native/core/unit_run.h"

namespace eznas {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// One plan per signature among the units, and which one each unit needs.
class Plans {
 public:
  explicit Plans(const Population& population) : population_(population) {}

  void add(const UnitShapes& shapes) {
    for (size_t i = 0; i < signatures_.size(); ++i)
      if (signatures_[i] == shapes) {
        planOfUnit_.push_back(i);
        return;
      }
    planOfUnit_.push_back(signatures_.size());
    signatures_.push_back(shapes);
    plans_.push_back(compileUnitPlan(population_.dag(), shapes));
  }
  const UnitPlan& ofUnit(size_t unit) const { return plans_[planOfUnit_[unit]]; }

 private:
  const Population& population_;
  std::vector<UnitShapes> signatures_;
  std::vector<UnitPlan> plans_;
  std::vector<size_t> planOfUnit_;
};

/// Scores of a network's units, [unit][program], until the last unit is there.
struct UnitScores {
  std::vector<double> scores;
  std::vector<uint8_t> invalid;  // per program: an operator rejected the shapes of some unit
  size_t left = 0;

  void prepare(size_t units, size_t programs) {
    scores.assign(units * programs, kNaN);
    invalid.assign(programs, 0);
    left = units;
  }

  /// Notes one unit's outcomes.
  void set(size_t unit, const UnitPlan& plan, const std::vector<double>& outcomes) {
    double* to = scores.data() + unit * invalid.size();
    for (size_t program = 0; program < invalid.size(); ++program)
      if (plan.outcomeOf[program] != UnitPlan::kInvalid)
        to[program] = outcomes[static_cast<size_t>(plan.outcomeOf[program])];
  }
  void markInvalid(const UnitPlan& plan) {
    for (size_t program = 0; program < invalid.size(); ++program)
      if (plan.outcomeOf[program] == UnitPlan::kInvalid) invalid[program] = 1;
  }

  /// The network's column of the matrix: means over units, added in the order of units.
  void reduce(ScoreMatrix& matrix, size_t network) const {
    const size_t programs = invalid.size(), units = programs == 0 ? 0 : scores.size() / programs;
    for (size_t program = 0; program < programs; ++program) {
      const size_t entry = program * matrix.networks + network;
      double sum = 0;
      bool finite = units > 0;
      for (size_t unit = 0; unit < units; ++unit) {
        const double score = scores[unit * programs + program];
        finite = finite && std::isfinite(score);
        sum += score;
        if (!matrix.unitScores.empty())
          matrix.unitScores[program * matrix.unitOffsets.back() + matrix.unitOffsets[network] + unit] = score;
      }
      const double mean = sum / static_cast<double>(units);
      if (invalid[program] != 0) {
        matrix.status[entry] = ScoreStatus::invalid;
      } else if (finite && std::isfinite(mean)) {
        matrix.status[entry] = ScoreStatus::ok;
        matrix.scores[entry] = mean;
      }
    }
  }
};

int threadsFor(int asked) { return asked > 0 ? asked : availableThreads(); }

/// One runner per worker, made when it first works.
class Runners {
 public:
  explicit Runners(int threads) : kernels_(programKernels(simdLevel())), runners_(static_cast<size_t>(threads)) {}
  UnitRunner& of(int worker) {
    std::unique_ptr<UnitRunner>& runner = runners_[static_cast<size_t>(worker)];
    if (!runner) runner = std::make_unique<UnitRunner>(kernels_);
    return *runner;
  }

 private:
  const ProgramKernels& kernels_;
  std::vector<std::unique_ptr<UnitRunner>> runners_;
};

}  // namespace

ScoreMatrix evaluate(std::span<const NetworkStatistics> networks, const Population& population,
                     const EvaluateOptions& options, JobControl& control) {
  Plans plans(population);
  std::vector<size_t> unitCounts;
  std::vector<std::pair<size_t, size_t>> tasks;  // network, unit
  for (size_t n = 0; n < networks.size(); ++n) {
    unitCounts.push_back(networks[n].units.size());
    for (size_t u = 0; u < networks[n].units.size(); ++u) {
      validateUnit(networks[n].units[u].shapes, n, u);
      validateTensors(networks[n].units[u], population.tensorsRead(), n, u);
      plans.add(networks[n].units[u].shapes);
      tasks.emplace_back(n, u);
    }
  }
  ScoreMatrix matrix = emptyMatrix(population.size(), offsetsOf(unitCounts), options.unitScores);
  const int threads = threadsFor(options.threads);
  Runners runners(threads);
  std::vector<UnitScores> pending(networks.size());
  std::mutex mutex;
  parallelFor(tasks.size(), threads, control, [&](size_t task, int worker) {
    const auto [network, unit] = tasks[task];
    const UnitPlan& plan = plans.ofUnit(task);
    const std::vector<double>& outcomes = runners.of(worker).run(plan, networks[network].units[unit]);
    const std::lock_guard lock(mutex);
    UnitScores& scores = pending[network];
    if (scores.scores.empty()) scores.prepare(networks[network].units.size(), population.size());
    scores.set(unit, plan, outcomes);
    scores.markInvalid(plan);
    if (--scores.left > 0) return;
    scores.reduce(matrix, network);
    scores = {};
  });
  return matrix;
}

ScoreMatrix scoreNetworks(CollectRequest request, const Population& population, const EvaluateOptions& options,
                          JobControl& control) {
  request.tensors = population.tensorsRead();
  request.logits = false;
  validate(request);

  Plans plans(population);
  std::vector<size_t> unitCounts;
  for (size_t n = 0; n < request.networks.size(); ++n) {
    const std::vector<UnitShapes> shapes = unitShapes(request.networks[n].graph, request.minibatch.batch);
    unitCounts.push_back(shapes.size());
    for (size_t u = 0; u < shapes.size(); ++u) {
      validateUnit(shapes[u], n, u);
      plans.add(shapes[u]);
    }
  }
  ScoreMatrix matrix = emptyMatrix(population.size(), offsetsOf(unitCounts), options.unitScores);
  const int threads = threadsFor(options.threads > 0 ? options.threads : request.threads);
  Runners runners(threads);
  parallelFor(request.networks.size(), threads, control, [&](size_t network, int worker) {
    const NetworkStatistics statistics = collectNetwork(request, network);
    UnitScores scores;
    scores.prepare(statistics.units.size(), population.size());
    for (size_t unit = 0; unit < statistics.units.size(); ++unit) {
      const UnitPlan& plan = plans.ofUnit(matrix.unitOffsets[network] + unit);
      scores.set(unit, plan, runners.of(worker).run(plan, statistics.units[unit]));
      scores.markInvalid(plan);
    }
    scores.reduce(matrix, network);
  });
  return matrix;
}

}  // namespace eznas
