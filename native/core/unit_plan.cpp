#include "native/core/unit_plan.h"

#include <algorithm>
#include <utility>

#include "native/core/plan_targets.h"

namespace eznas {
namespace {

/// Nodes of one group, about: enough that tensors are read once for several programs, few enough that the tiles in
/// flight stay in the cache.
constexpr size_t kGroupNodes = 64;

class PlanCompiler {
 public:
  PlanCompiler(const Population::Dag& dag, const UnitShapes& shapes) : all_(dag, shapes), nodes_(dag.nodes.size()) {}

  UnitPlan compile() {
    const std::vector<PlanTarget>& targets = all_.targets;
    std::vector<uint8_t> counted(nodes_, 0);
    for (size_t first = 0; first < targets.size();) {
      size_t last = first, nodes = 0;
      std::fill(counted.begin(), counted.end(), uint8_t{0});
      while (last < targets.size() && (last == first || nodes < kGroupNodes))
        nodes += countNewNodes(all_.state, targets[last++].root, counted);
      compileRange(first, last);
      first = last;
    }
    for (const PlanTarget& target : targets)
      if (all_.state.of(target.root).uniform && isKnown(target.root))
        plan_.scalarOutcomes.push_back(
            {all_.outcomeOfRoot(target.root), all_.state.place[static_cast<size_t>(target.root)]});
    plan_.outcomeOf = std::move(all_.outcomeOf);
    plan_.outcomes = all_.outcomes;
    plan_.constants = std::move(all_.constants);
    plan_.scalars = all_.state.scalars;
    return std::move(plan_);
  }

 private:
  bool isKnown(int32_t root) const {
    return all_.state.isReady(root) && all_.state.outcome[static_cast<size_t>(root)] >= 0;
  }

  void compileRange(size_t first, size_t last) {
    std::vector<int32_t> roots;
    for (size_t i = first; i < last; ++i) roots.push_back(all_.targets[i].root);
    {
      GroupCompiler compiler(all_.state, roots, all_.targets[last - 1].program);
      const bool single = last == first + 1;
      if (compiler.addedFloats() <= (single ? kMaxArenaFloats : kGroupArenaFloats)) {
        plan_.arenaFloats = std::max(plan_.arenaFloats, compiler.arenaFloats());
        plan_.scratchFloats = std::max(plan_.scratchFloats, compiler.scratchFloats());
        plan_.slots = std::max(plan_.slots, compiler.slots());
        plan_.groups.push_back(compiler.commit());
        plan_.reductions = std::max(plan_.reductions, static_cast<uint32_t>(plan_.groups.back().reductions.size()));
        return;
      }
      if (single) return all_.reject(roots.front());
    }
    const size_t middle = first + (last - first) / 2;
    compileRange(first, middle);
    compileRange(middle, last);
  }

  PlanTargets all_;
  const size_t nodes_;
  UnitPlan plan_;
};

}  // namespace

UnitPlan compileUnitPlan(const Population::Dag& dag, const UnitShapes& shapes) {
  return PlanCompiler(dag, shapes).compile();
}

}  // namespace eznas
