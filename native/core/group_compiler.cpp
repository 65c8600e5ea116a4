// Levels, storage and order of a group's values; group_emitter.cpp turns the order into steps.
#include "native/core/group_compiler.h"

#include <algorithm>
#include <map>

namespace eznas {
namespace {

/// Rough cost per element of an operator, in units of an addition.
float costOf(const NodeFacts& facts) {
  switch (facts.op) {
    case Operator::log:
    case Operator::abslog:
    case Operator::exp:
    case Operator::sigmoid:
      return 4;
    case Operator::normalize:
    case Operator::reciprocal:
      return 2;
    default:
      return facts.role == Role::matrix ? 16 : 1;
  }
}

/// From this cost on, reading a value from memory is cheaper than computing it again.
constexpr float kWorthKeeping = 4;

/// Calls visit(node) for the nodes that must be computed for `root`, operands after users.
template <class Skip, class Visit>
void descend(const PlanState& state, int32_t root, const Skip& skip, const Visit& visit) {
  std::vector<int32_t> stack{root};
  while (!stack.empty()) {
    const int32_t node = stack.back();
    stack.pop_back();
    if (node < 0 || state.isReady(node) || skip(node)) continue;
    visit(node);
    for (const int32_t operand : state.of(node).operands) stack.push_back(operand);
  }
}

}  // namespace

size_t countNewNodes(const PlanState& state, int32_t root, std::vector<uint8_t>& counted) {
  size_t count = 0;
  descend(
      state, root, [&](int32_t node) { return counted[static_cast<size_t>(node)] != 0; },
      [&](int32_t node) {
        counted[static_cast<size_t>(node)] = 1;
        ++count;
      });
  return count;
}

GroupCompiler::GroupCompiler(PlanState& state, std::span<const int32_t> roots, int32_t lastProgram)
    : state_(state),
      lastProgram_(lastProgram),
      scalars_(state.scalars),
      tensorsRead_(state.tensorsRead),
      arena_(state.arena) {
  arena_.restartPeak();
  collect(roots);
  assignLevels();
  markStored();
  choosePersistent(roots);
  arrange(roots);
  emit();
}

GroupCompiler::~GroupCompiler() {
  for (const int32_t node : order_) state_.position[static_cast<size_t>(node)] = -1;
}

void GroupCompiler::collect(std::span<const int32_t> roots) {
  for (const int32_t root : roots)
    descend(
        state_, root, [&](int32_t node) { return isLocal(node); },
        [&](int32_t node) {
          state_.position[static_cast<size_t>(node)] = 0;
          order_.push_back(node);
        });
  std::sort(order_.begin(), order_.end());
  for (size_t i = 0; i < order_.size(); ++i) state_.position[static_cast<size_t>(order_[i])] = static_cast<int32_t>(i);
  locals_.resize(order_.size());
}

bool GroupCompiler::runsInLoop(const NodeFacts& facts) const {
  if (facts.role != Role::reduction) return facts.isTiled();
  return std::any_of(std::begin(facts.operands), std::end(facts.operands),
                     [&](int32_t operand) { return operand >= 0 && !state_.of(operand).uniform; });
}

/// Whether an operand of a loop's value has fewer elements than the loop and is no scalar.
bool GroupCompiler::needsSpread(const NodeFacts& user, int32_t operand) const {
  return !state_.of(operand).uniform && state_.of(operand).elements != user.domainElements;
}

/// The level after whose loops a value is complete; −1 for what is there from the start.
int GroupCompiler::doneLevel(int32_t node) { return isLocal(node) ? local(node).level : -1; }

/// The first level whose loops can read an operand for `user`.
int GroupCompiler::loopLevel(const NodeFacts& user, int32_t operand) {
  const bool sameLoop = isLocal(operand) && state_.of(operand).isTiled() && !needsSpread(user, operand);
  return doneLevel(operand) + (sameLoop ? 0 : 1);
}

void GroupCompiler::assignLevels() {
  for (const int32_t node : order_) {
    const NodeFacts& facts = state_.of(node);
    const bool inLoop = runsInLoop(facts);
    int level = inLoop ? 0 : -1;
    float cost = costOf(facts);
    for (const int32_t operand : facts.operands) {
      if (operand < 0) continue;
      level = std::max(level, inLoop ? loopLevel(facts, operand) : doneLevel(operand));
      if (isLocal(operand) && !state_.of(operand).uniform) cost += local(operand).cost;
    }
    local(node).level = facts.role == Role::normalize ? level + 1 : level;
    local(node).cost = cost;
  }
}

void GroupCompiler::storeForUse(const NodeFacts& user, int32_t operand, int level) {
  if (!isLocal(operand) || !state_.of(operand).isTiled()) return;
  if (!runsInLoop(user) || needsSpread(user, operand) || level > local(operand).level) local(operand).stored = true;
}

void GroupCompiler::markStored() {
  for (const int32_t node : order_)
    for (const int32_t operand : state_.of(node).operands)
      if (operand >= 0) storeForUse(state_.of(node), operand, local(node).level);
}

/// Whether a program after this group's reads the value itself, not only through values that will be ready.
bool GroupCompiler::neededLater(int32_t node, std::span<const int32_t> roots) {
  if (state_.lastProgram[static_cast<size_t>(node)] <= lastProgram_) return false;
  if (state_.outcome[static_cast<size_t>(node)] >= 0 && std::find(roots.begin(), roots.end(), node) == roots.end())
    return true;
  const std::vector<int32_t>& users = state_.users[static_cast<size_t>(node)];
  return std::any_of(users.begin(), users.end(), [&](int32_t user) {
    if (state_.lastProgram[static_cast<size_t>(user)] <= lastProgram_ || state_.isReady(user)) return false;
    return !isLocal(user) || !(state_.of(user).uniform || local(user).kept);
  });
}

void GroupCompiler::choosePersistent(std::span<const int32_t> roots) {
  size_t keptFloats = state_.keptFloats;
  for (auto i = order_.rbegin(); i != order_.rend(); ++i) {
    const NodeFacts& facts = state_.of(*i);
    Local& value = local(*i);
    if (facts.uniform || value.cost < kWorthKeeping || keptFloats + facts.elements > kKeptFloats) continue;
    if (!neededLater(*i, roots)) continue;
    value.kept = value.stored = true;
    keptFloats += facts.elements;
  }
}

void GroupCompiler::arrange(std::span<const int32_t> roots) {
  int levels = 0;
  for (const Local& value : locals_) levels = std::max(levels, value.level + 1);
  std::vector<std::map<size_t, std::vector<Item>>> loops(static_cast<size_t>(levels) + 1);
  std::vector<std::vector<int32_t>> outside(static_cast<size_t>(levels) + 1);  // by level + 1

  std::vector<uint8_t> isScore(order_.size(), 0);
  for (const int32_t root : roots) {
    const NodeFacts& facts = state_.of(root);
    if (facts.uniform) continue;
    if (isLocal(root) && facts.isTiled()) {
      isScore[static_cast<size_t>(state_.position[static_cast<size_t>(root)])] = 1;
      continue;
    }
    loops[static_cast<size_t>(doneLevel(root)) + 1][facts.elements].push_back({Item::Kind::score, root});
  }
  for (size_t i = 0; i < order_.size(); ++i) {
    const int32_t node = order_[i];
    const NodeFacts& facts = state_.of(node);
    const int level = locals_[i].level;
    if (!runsInLoop(facts)) {
      outside[static_cast<size_t>(level) + 1].push_back(node);
      continue;
    }
    if (facts.role == Role::normalize)
      loops[static_cast<size_t>(level - 1)][facts.domainElements].push_back({Item::Kind::moments, node});
    std::vector<Item>& items = loops[static_cast<size_t>(level)][facts.domainElements];
    items.push_back({Item::Kind::value, node});
    if (isScore[i] != 0) items.push_back({Item::Kind::score, node});
  }

  for (size_t level = 0; level <= static_cast<size_t>(levels); ++level) {
    for (const int32_t node : outside[level]) stages_.push_back({.items = {{Item::Kind::value, node}}, .released = {}});
    for (auto& [elements, items] : loops[level])
      stages_.push_back({.elements = elements, .items = std::move(items), .released = {}});
  }
  for (size_t s = 0; s < stages_.size(); ++s)
    for (const Item& item : stages_[s].items) {
      const auto use = [&](int32_t node) {
        if (node >= 0 && isLocal(node)) local(node).lastStage = s;
      };
      use(item.node);
      if (item.kind != Item::Kind::score)
        for (const int32_t operand : state_.of(item.node).operands) use(operand);
    }
  for (const int32_t node : order_) {
    const NodeFacts& facts = state_.of(node);
    const bool inArena = local(node).stored || (facts.role == Role::matrix && !facts.uniform);
    if (inArena && !local(node).kept) stages_[local(node).lastStage].released.push_back(node);
  }
}

Group GroupCompiler::release() { return std::move(group_); }

Group GroupCompiler::commit() {
  for (const int32_t node : order_) {
    if (!state_.of(node).uniform && !local(node).kept) continue;
    state_.place[static_cast<size_t>(node)] = local(node).place;
    if (!local(node).kept) continue;
    state_.kept.push_back(node);
    state_.keptFloats += state_.of(node).elements;
  }
  state_.arena = arena_;
  state_.scalars = scalars_;
  state_.tensorsRead = tensorsRead_;
  std::erase_if(state_.kept, [&](int32_t node) {
    if (state_.lastProgram[static_cast<size_t>(node)] > lastProgram_) return false;
    const size_t elements = state_.of(node).elements;
    Place& place = state_.place[static_cast<size_t>(node)];
    state_.arena.release(place.index, elements);
    state_.keptFloats -= elements;
    place = {};
    return true;
  });
  return std::move(group_);
}

}  // namespace eznas
