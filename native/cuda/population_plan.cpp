#include "native/cuda/population_plan.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "native/core/plan_targets.h"
#include "native/cuda/population_code.h"

namespace eznas::cuda {
namespace {

class PlanCompiler {
 public:
  PlanCompiler(const Population::Dag& dag, const UnitShapes& shapes, uint32_t workFloats)
      : all_(dag, shapes), nodes_(dag.nodes.size()), workFloats_(workFloats) {}

  PopulationPlan compile(size_t groupNodes) {
    const std::vector<PlanTarget>& targets = all_.targets;
    std::vector<uint8_t> counted(nodes_, 0);
    for (size_t first = 0; first < targets.size();) {
      size_t last = first, nodes = 0;
      std::fill(counted.begin(), counted.end(), uint8_t{0});
      while (last < targets.size() && (last == first || nodes < groupNodes))
        nodes += countNewNodes(all_.state, targets[last++].root, counted);
      compileRange(first, last);
      first = last;
    }
    plan_.outcomeOf = std::move(all_.outcomeOf);
    plan_.outcomes = all_.outcomes;
    std::stable_sort(plan_.items.begin(), plan_.items.end(),
                     [](const auto& a, const auto& b) { return a.cost > b.cost; });
    return std::move(plan_);
  }

 private:
  void compileRange(size_t first, size_t last) {
    std::vector<int32_t> roots;
    for (size_t i = first; i < last; ++i) roots.push_back(all_.targets[i].root);
    {
      // No group keeps values for later ones.
      GroupCompiler compiler(all_.state, roots, std::numeric_limits<int32_t>::max());
      const bool single = last == first + 1;
      if (compiler.arenaFloats() <= (single ? kMaxArenaFloats : kGroupArenaFloats)) return encode(compiler, roots);
      if (single) return all_.reject(roots.front());
    }
    const size_t middle = first + (last - first) / 2;
    compileRange(first, middle);
    compileRange(middle, last);
  }

  void encode(GroupCompiler& compiler, const std::vector<int32_t>& roots) {
    std::vector<UnitPlan::ScalarOutcome> outcomes;
    for (const int32_t root : roots)
      if (all_.state.of(root).uniform) outcomes.push_back({all_.outcomeOfRoot(root), compiler.rootPlace(root)});
    const Group group = compiler.release();
    const GroupBytes bytes = encodeGroup(group, {.constants = all_.constants,
                                                 .outcomes = outcomes,
                                                 .arenaFloats = compiler.arenaFloats(),
                                                 .scalars = compiler.scalars(),
                                                 .workFloats = workFloats_});
    plan_.items.push_back({plan_.code.size(), bytes.scratchFloats, bytes.cost});
    plan_.code.insert(plan_.code.end(), bytes.bytes.begin(), bytes.bytes.end());
  }

  PlanTargets all_;
  const size_t nodes_;
  const uint32_t workFloats_;
  PopulationPlan plan_;
};

}  // namespace

PopulationPlan compilePopulation(const Population::Dag& dag, const UnitShapes& shapes, size_t groupNodes,
                                 uint32_t workFloats) {
  return PlanCompiler(dag, shapes, workFloats).compile(groupNodes);
}

}  // namespace eznas::cuda
