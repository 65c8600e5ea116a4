#include "native/core/plan_targets.h"

#include <algorithm>

namespace eznas {

PlanTargets::PlanTargets(const Population::Dag& dag, const UnitShapes& shapes) : state(analyze(dag, shapes)) {
  outcomeOf.assign(dag.roots.size(), UnitPlan::kInvalid);
  for (size_t program = 0; program < dag.roots.size(); ++program) {
    const int32_t root = dag.roots[program];
    if (!state.of(root).valid) continue;
    int32_t& outcome = state.outcome[static_cast<size_t>(root)];
    if (outcome < 0) {
      outcome = static_cast<int32_t>(outcomes++);
      targets.push_back({root, static_cast<int32_t>(program)});
      state.lastProgram[static_cast<size_t>(root)] = static_cast<int32_t>(program);
    }
    outcomeOf[program] = outcome;
  }
  markNeeded();
  placeGiven(dag);
}

/// Users and last programs of all nodes below valid roots; users stand after their operands.
void PlanTargets::markNeeded() {
  for (size_t i = state.facts.size(); i-- > 0;) {
    if (state.lastProgram[i] < 0) continue;
    const NodeFacts& facts = state.facts[i];
    for (const int32_t operand : facts.operands) {
      if (operand < 0) continue;
      int32_t& last = state.lastProgram[static_cast<size_t>(operand)];
      last = std::max(last, state.lastProgram[i]);
      std::vector<int32_t>& users = state.users[static_cast<size_t>(operand)];
      if (users.empty() || users.back() != static_cast<int32_t>(i)) users.push_back(static_cast<int32_t>(i));
    }
  }
}

/// Recorded tensors and constants are there from the start.
void PlanTargets::placeGiven(const Population::Dag& dag) {
  for (size_t i = 0; i < dag.nodes.size(); ++i) {
    if (state.lastProgram[i] < 0) continue;
    const NodeFacts& facts = state.facts[i];
    if (facts.role == Role::tensor) state.place[i] = {Place::Kind::tensor, dag.nodes[i].word};
    if (facts.role == Role::constant) {
      state.place[i] = {Place::Kind::scalar, state.scalars};
      constants.push_back({state.scalars++, facts.constant});
    }
  }
}

void PlanTargets::reject(int32_t root) {
  int32_t& rejected = state.outcome[static_cast<size_t>(root)];
  for (int32_t& outcome : outcomeOf)
    if (outcome == rejected) outcome = UnitPlan::kInvalid;
  rejected = -1;
}

}  // namespace eznas
