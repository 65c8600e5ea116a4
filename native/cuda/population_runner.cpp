#include "native/cuda/population_runner.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "kernels/cuda/program_interpreter.h"
#include "kernels/cuda/program_scores.h"
#include "native/core/error.h"
#include "native/core/unit_checks.h"
#include "native/cuda/population_memory.h"
#include "native/cuda/population_plan.h"
#include "native/cuda/staging.h"

namespace eznas::cuda {
namespace {

/// Operators of a group: enough that tensors are read once for several programs, few enough that the tiles in flight
/// stay in shared memory; fewer where there would not be work for all blocks.
constexpr size_t kMostGroupNodes = 64, kLeastGroupNodes = 8;
/// Items that there should be for each block, so that the last ones to end do not wait long for each other.
constexpr size_t kItemsPerBlock = 4;

/// Dimensions of the three shapes with their ranks.
using Signature = std::array<int64_t, 15>;
Signature signatureOf(const UnitShapes& shapes) {
  Signature signature{};
  size_t at = 0;
  for (const Shape* shape : {&shapes.before, &shapes.weight, &shapes.after}) {
    signature[at++] = shape->rank;
    for (const int64_t size : shape->dims) signature[at++] = size;
  }
  return signature;
}

/// A plan with its code and table of outcomes on the device.
struct DevicePlan {
  PopulationPlan plan;
  DeviceBuffer memory;
  const unsigned char* code = nullptr;
  const int32_t* outcomeOf = nullptr;
};

/// Tables of one launch, in the order in which they stand in memory.
struct Tables {
  std::vector<UnitCode> units;
  std::vector<ScoredUnit> scored;
  std::vector<WorkItem> items;
  std::vector<uint32_t> offsets{0};
  uint64_t outcomes = 0;

  static size_t padded(size_t bytes) { return (bytes + 255) / 256 * 256; }
  size_t unitsAt() const { return 0; }
  size_t scoredAt() const { return unitsAt() + padded(units.size() * sizeof(UnitCode)); }
  size_t itemsAt() const { return scoredAt() + padded(scored.size() * sizeof(ScoredUnit)); }
  size_t offsetsAt() const { return itemsAt() + padded(items.size() * sizeof(WorkItem)); }
  size_t countersAt() const { return offsetsAt() + padded(offsets.size() * sizeof(uint32_t)); }
  size_t outcomesAt() const { return countersAt() + padded(2 * sizeof(unsigned)); }
  size_t bytes() const { return outcomesAt() + outcomes * sizeof(double); }
};

}  // namespace

struct PopulationRunner::State {
  State(Device& onDevice, const Population& programs, const PopulationLimits& within)
      : device(onDevice), population(programs), limits(within), uploads(onDevice), staging(onDevice) {
    device.use();
    shape = interpreterShape();
    if (limits.blocks > 0) shape.blocks = limits.blocks;
  }
  ~State() {
    for (const Event& run : runs) {
      try {
        run.synchronize();
      } catch (...) {
        // A device that failed runs nothing any more.
      }
    }
  }

  size_t groupNodesFor(size_t units) const {
    if (limits.groupNodes > 0) return limits.groupNodes;
    const size_t wanted = static_cast<size_t>(shape.blocks) * kItemsPerBlock;
    size_t nodes = kMostGroupNodes;
    while (nodes > kLeastGroupNodes && population.nodeCount() * units < wanted * nodes) nodes /= 2;
    return nodes;
  }

  const DevicePlan& planOf(const UnitShapes& shapes, size_t groupNodes) {
    const auto key = std::make_pair(signatureOf(shapes), groupNodes);
    const auto found = plans.find(key);
    if (found != plans.end()) return found->second;
    DevicePlan made;
    made.plan = compilePopulation(population.dag(), shapes, groupNodes, shape.sharedFloats - kWorkFloats);
    const size_t tableAt = Tables::padded(made.plan.code.size()),
                 tableBytes = made.plan.outcomeOf.size() * sizeof(int32_t);
    made.memory = DeviceBuffer(uploads, tableAt + tableBytes);
    auto* const bytes = made.memory.as<unsigned char>();
    made.code = bytes;
    made.outcomeOf = reinterpret_cast<const int32_t*>(bytes + tableAt);
    uploads.copyToDevice(bytes, made.plan.code.data(), made.plan.code.size());
    uploads.copyToDevice(bytes + tableAt, made.plan.outcomeOf.data(), tableBytes);
    uploads.synchronize();
    return plans.emplace(key, std::move(made)).first->second;
  }

  /// Scratch memory of all blocks, and bytes of tables and outcomes that one launch may have.
  uint64_t scratchLimit() const {
    return limits.scratchBytes > 0 ? limits.scratchBytes : deviceMemoryBudget(device) / 2;
  }
  static uint64_t bytesOfUnit(const DevicePlan& plan) {
    return sizeof(UnitCode) + sizeof(ScoredUnit) + plan.plan.items.size() * sizeof(WorkItem) +
           plan.plan.outcomes * sizeof(double);
  }

  /// Fills the queue: items with large needs first, then plan by plan, those whose items take longest first, and unit
  /// by unit, so that what reads the same tensors is taken at about the same time.
  ScratchDivision queue(Tables& tables, std::span<const DevicePlan* const> planOfUnit, uint64_t limit) const {
    std::map<const DevicePlan*, std::vector<uint32_t>> unitsOf;
    for (uint32_t u = 0; u < planOfUnit.size(); ++u) unitsOf[planOfUnit[u]].push_back(u);
    std::map<uint64_t, uint64_t, std::greater<>> counts;
    std::vector<std::pair<double, const DevicePlan*>> order;
    size_t items = 0;
    for (const auto& [plan, units] : unitsOf) {
      double longest = 0;
      for (const PopulationPlan::Item& item : plan->plan.items) {
        counts[item.scratchFloats] += units.size();
        longest = std::max(longest, item.cost);
      }
      items += plan->plan.items.size() * units.size();
      order.emplace_back(longest, plan);
    }
    if (items > std::numeric_limits<uint32_t>::max() / 2)
      throw Error(code::kTooLarge,
                  std::to_string(items) + " groups of programs on units; evaluate fewer networks at once");
    // Units decide between plans that are alike, so that the order does not depend on addresses.
    std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : unitsOf[a.second].front() < unitsOf[b.second].front();
    });
    std::vector<ScratchNeed> needs;
    needs.reserve(counts.size());
    for (const auto& [floats, count] : counts) needs.push_back({floats, count});
    const ScratchDivision division =
        divideScratch(needs, static_cast<int>(std::min<size_t>(static_cast<size_t>(shape.blocks), items)), limit);
    tables.items.reserve(items);
    for (const bool large : {true, false})
      for (const auto& [longest, plan] : order)
        for (const uint32_t unit : unitsOf[plan])
          for (const PopulationPlan::Item& item : plan->plan.items)
            if ((division.largeItems > 0 && item.scratchFloats > division.floats) == large)
              tables.items.push_back({plan->code + item.code, unit, 0});
    return division;
  }

  /// One launch for networks [begin, end), whose units have these plans.
  void launch(std::span<const std::vector<UnitStatistics>> networks, size_t begin, size_t end,
              const std::vector<const DevicePlan*>& planOfUnit, size_t firstUnit, DeviceScores& scores,
              size_t firstNetwork, uint64_t limit, Stream& stream) {
    Tables tables;
    size_t unit = firstUnit;
    for (size_t n = begin; n < end; ++n) {
      for (const UnitStatistics& statistics : networks[n]) {
        const DevicePlan& plan = *planOfUnit[unit++];
        UnitCode code{};
        std::copy(statistics.tensors.begin(), statistics.tensors.end(), code.tensors);
        code.outcomes = tables.outcomes;
        tables.units.push_back(code);
        tables.scored.push_back({nullptr, plan.outcomeOf});
        tables.outcomes += plan.plan.outcomes;
      }
      tables.offsets.push_back(static_cast<uint32_t>(tables.units.size()));
    }
    const ScratchDivision division =
        queue(tables, std::span(planOfUnit).subspan(firstUnit, tables.units.size()), limit);

    const DeviceBuffer memory(stream, tables.bytes());
    const DeviceBuffer scratch(stream, std::max<uint64_t>(division.bytes(), 1));
    auto* const there = memory.as<std::byte>();
    auto* const outcomes = reinterpret_cast<double*>(there + tables.outcomesAt());
    for (size_t u = 0; u < tables.units.size(); ++u) tables.scored[u].outcomes = outcomes + tables.units[u].outcomes;
    std::byte* const here = staging.take(tables.outcomesAt());
    const auto put = [&](size_t at, const auto& values) {
      if (!values.empty()) std::memcpy(here + at, values.data(), values.size() * sizeof(values[0]));
    };
    std::memset(here + tables.countersAt(), 0, tables.outcomesAt() - tables.countersAt());
    put(tables.unitsAt(), tables.units);
    put(tables.scoredAt(), tables.scored);
    put(tables.itemsAt(), tables.items);
    put(tables.offsetsAt(), tables.offsets);
    stream.copyToDevice(there, here, tables.outcomesAt());
    staging.release(stream);

    if (!tables.items.empty()) {
      PopulationWork work{};
      work.items = reinterpret_cast<const WorkItem*>(there + tables.itemsAt());
      work.units = reinterpret_cast<const UnitCode*>(there + tables.unitsAt());
      work.outcomes = outcomes;
      work.taken = reinterpret_cast<unsigned*>(there + tables.countersAt());
      work.largeScratch = scratch.as<float>();
      work.largeScratchFloats = division.largeFloats;
      work.scratch = work.largeScratch + division.largeFloats * division.largeBlocks;
      work.scratchFloats = division.floats;
      work.itemCount = static_cast<uint32_t>(tables.items.size());
      work.largeItems = division.largeItems;
      work.largeBlocks = division.largeBlocks;
      work.sharedFloats = shape.sharedFloats;
      evaluatePopulation(work, division.blocks, stream.get());
    }
    ScoreTable table{};
    table.units = reinterpret_cast<const ScoredUnit*>(there + tables.scoredAt());
    table.offsets = reinterpret_cast<const uint32_t*>(there + tables.offsetsAt());
    table.scores = scores.scores() + firstNetwork + begin;
    table.status = scores.status() + firstNetwork + begin;
    table.columns = scores.networks();
    if (scores.unitScores() != nullptr)
      table.unitScores = scores.unitScores() + scores.unitOffsets()[firstNetwork + begin];
    table.unitColumns = scores.unitOffsets().back();
    table.programs = static_cast<uint32_t>(population.size());
    table.networks = static_cast<uint32_t>(end - begin);
    reduceScores(table, stream.get());
  }

  Device& device;
  const Population& population;
  const PopulationLimits limits;
  InterpreterShape shape;
  Stream uploads;
  std::map<std::pair<Signature, size_t>, DevicePlan> plans;
  Staging staging;
  std::vector<Event> runs;  // that may be under way
};

PopulationRunner::PopulationRunner(Device& device, const Population& population, const PopulationLimits& limits)
    : state_(std::make_unique<State>(device, population, limits)) {}
PopulationRunner::~PopulationRunner() = default;

void PopulationRunner::run(std::span<const std::vector<UnitStatistics>> networks, DeviceScores& scores,
                           size_t firstNetwork, Stream& stream) {
  State& state = *state_;
  if (scores.programs() != state.population.size())
    throw Error(code::kInvalidArgument, "a score matrix of " + std::to_string(scores.programs()) + " programs for " +
                                            std::to_string(state.population.size()));
  if (firstNetwork > scores.networks() || networks.size() > scores.networks() - firstNetwork)
    throw Error(code::kInvalidArgument, "the networks " + std::to_string(firstNetwork) + " to " +
                                            std::to_string(firstNetwork + networks.size()) + " of a score matrix of " +
                                            std::to_string(scores.networks()));
  size_t units = 0;
  for (size_t n = 0; n < networks.size(); ++n) {
    const size_t wanted = scores.unitOffsets()[firstNetwork + n + 1] - scores.unitOffsets()[firstNetwork + n];
    if (networks[n].size() != wanted)
      throw Error(code::kInvalidArgument, "network " + std::to_string(firstNetwork + n) + " has " +
                                              std::to_string(networks[n].size()) + " units, the score matrix has " +
                                              std::to_string(wanted) + " for it");
    for (size_t u = 0; u < networks[n].size(); ++u) {
      validateUnit(networks[n][u].shapes, firstNetwork + n, u);
      validateTensors(networks[n][u], state.population.tensorsRead(), firstNetwork + n, u);
    }
    units += networks[n].size();
  }
  if (networks.empty() || state.population.size() == 0) return;
  state.device.use();
  std::erase_if(state.runs, [](const Event& run) { return run.done(); });

  const size_t groupNodes = state.groupNodesFor(units);
  std::vector<const DevicePlan*> planOfUnit;
  planOfUnit.reserve(units);
  uint64_t most = 0;
  for (const std::vector<UnitStatistics>& network : networks)
    for (const UnitStatistics& unit : network) {
      planOfUnit.push_back(&state.planOf(unit.shapes, groupNodes));
      for (const PopulationPlan::Item& item : planOfUnit.back()->plan.items) most = std::max(most, item.scratchFloats);
    }
  const uint64_t limit = state.scratchLimit();
  const std::array<ScratchNeed, 1> largest{ScratchNeed{most, 1}};
  divideScratch(largest, 1, limit);  // throws before anything is launched

  size_t begin = 0, firstUnit = 0;
  while (begin < networks.size()) {
    size_t end = begin, unit = firstUnit;
    uint64_t bytes = 0;
    while (end < networks.size()) {
      uint64_t more = 0;
      for (size_t u = 0; u < networks[end].size(); ++u) more += State::bytesOfUnit(*planOfUnit[unit + u]);
      if (end > begin && bytes + more > limit / 2) break;
      bytes += more;
      unit += networks[end].size();
      ++end;
    }
    state.launch(networks, begin, end, planOfUnit, firstUnit, scores, firstNetwork, limit, stream);
    begin = end;
    firstUnit = unit;
  }
  state.runs.emplace_back(state.device).record(stream);
}

size_t PopulationRunner::bytesNeeded(std::span<const UnitShapes> units, int blocks) {
  State& state = *state_;
  state.device.use();
  const size_t groupNodes = state.groupNodesFor(units.size());
  uint64_t bytes = 0, most = 0;
  std::map<const DevicePlan*, size_t> used;
  for (const UnitShapes& shapes : units) {
    const DevicePlan& plan = state.planOf(shapes, groupNodes);
    bytes += State::bytesOfUnit(plan);
    if (++used[&plan] > 1) continue;
    bytes += plan.memory.bytes();
    for (const PopulationPlan::Item& item : plan.plan.items) most = std::max(most, item.scratchFloats);
  }
  const uint64_t all = most * 4 * static_cast<uint64_t>(blocks > 0 ? blocks : state.shape.blocks);
  return bytes + std::max(most * 4, std::min(all, state.scratchLimit()));
}

}  // namespace eznas::cuda
