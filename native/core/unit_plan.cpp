#include "native/core/unit_plan.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "native/core/group_compiler.h"

namespace eznas {
namespace {

/// Nodes of one group, about: enough that tensors are read once for several programs, few enough that the tiles in
/// flight stay in the cache.
constexpr size_t kGroupNodes = 64;

/// A root whose mean is to be computed, and the first program that asks for it.
struct Target {
  int32_t root, program;
};

class PlanCompiler {
 public:
  PlanCompiler(const Population::Dag& dag, const UnitShapes& shapes) : dag_(dag), state_(analyze(dag, shapes)) {
    plan_.outcomeOf.assign(dag.roots.size(), UnitPlan::kInvalid);
    for (size_t program = 0; program < dag.roots.size(); ++program) {
      const int32_t root = dag.roots[program];
      if (!state_.of(root).valid) continue;
      int32_t& outcome = state_.outcome[static_cast<size_t>(root)];
      if (outcome < 0) {
        outcome = static_cast<int32_t>(plan_.outcomes++);
        targets_.push_back({root, static_cast<int32_t>(program)});
        state_.lastProgram[static_cast<size_t>(root)] = static_cast<int32_t>(program);
      }
      plan_.outcomeOf[program] = outcome;
    }
    markNeeded();
    placeGiven();
  }

  UnitPlan compile() {
    std::vector<uint8_t> counted(dag_.nodes.size(), 0);
    for (size_t first = 0; first < targets_.size();) {
      size_t last = first, nodes = 0;
      std::fill(counted.begin(), counted.end(), uint8_t{0});
      while (last < targets_.size() && (last == first || nodes < kGroupNodes))
        nodes += countNewNodes(state_, targets_[last++].root, counted);
      compileRange(first, last);
      first = last;
    }
    for (const Target& target : targets_)
      if (state_.of(target.root).uniform && isKnown(target.root))
        plan_.scalarOutcomes.push_back(
            {static_cast<uint32_t>(outcomeOf(target.root)), state_.place[static_cast<size_t>(target.root)]});
    plan_.scalars = state_.scalars;
    return std::move(plan_);
  }

 private:
  int32_t outcomeOf(int32_t root) const { return state_.outcome[static_cast<size_t>(root)]; }
  bool isKnown(int32_t root) const { return state_.isReady(root) && outcomeOf(root) >= 0; }

  /// Users and last programs of all nodes below valid roots; users stand after their operands.
  void markNeeded() {
    for (size_t i = dag_.nodes.size(); i-- > 0;) {
      if (state_.lastProgram[i] < 0) continue;
      const NodeFacts& facts = state_.facts[i];
      for (const int32_t operand : facts.operands) {
        if (operand < 0) continue;
        int32_t& last = state_.lastProgram[static_cast<size_t>(operand)];
        last = std::max(last, state_.lastProgram[i]);
        std::vector<int32_t>& users = state_.users[static_cast<size_t>(operand)];
        if (users.empty() || users.back() != static_cast<int32_t>(i)) users.push_back(static_cast<int32_t>(i));
      }
    }
  }

  /// Recorded tensors and constants are there from the start.
  void placeGiven() {
    for (size_t i = 0; i < dag_.nodes.size(); ++i) {
      if (state_.lastProgram[i] < 0) continue;
      const NodeFacts& facts = state_.facts[i];
      if (facts.role == Role::tensor) state_.place[i] = {Place::Kind::tensor, dag_.nodes[i].word};
      if (facts.role == Role::constant) {
        state_.place[i] = {Place::Kind::scalar, state_.scalars};
        plan_.constants.push_back({state_.scalars++, facts.constant});
      }
    }
  }

  void compileRange(size_t first, size_t last) {
    std::vector<int32_t> roots;
    for (size_t i = first; i < last; ++i) roots.push_back(targets_[i].root);
    {
      GroupCompiler compiler(state_, roots, targets_[last - 1].program);
      const bool single = last == first + 1;
      if (compiler.addedFloats() <= (single ? kMaxArenaFloats : kGroupArenaFloats)) {
        plan_.arenaFloats = std::max(plan_.arenaFloats, compiler.arenaFloats());
        plan_.scratchFloats = std::max(plan_.scratchFloats, compiler.scratchFloats());
        plan_.slots = std::max(plan_.slots, compiler.slots());
        plan_.groups.push_back(compiler.commit());
        plan_.reductions = std::max(plan_.reductions, static_cast<uint32_t>(plan_.groups.back().reductions.size()));
        return;
      }
      if (single) return reject(roots.front());
    }
    const size_t middle = first + (last - first) / 2;
    compileRange(first, middle);
    compileRange(middle, last);
  }

  /// Makes the programs of a root invalid.
  void reject(int32_t root) {
    for (int32_t& outcome : plan_.outcomeOf)
      if (outcome == outcomeOf(root)) outcome = UnitPlan::kInvalid;
    state_.outcome[static_cast<size_t>(root)] = -1;
  }

  const Population::Dag& dag_;
  PlanState state_;
  UnitPlan plan_;
  std::vector<Target> targets_;
};

}  // namespace

UnitPlan compileUnitPlan(const Population::Dag& dag, const UnitShapes& shapes) {
  return PlanCompiler(dag, shapes).compile();
}

}  // namespace eznas
