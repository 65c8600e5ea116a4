#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "native/core/arena_layout.h"
#include "native/core/population.h"
#include "native/core/unit_analysis.h"
#include "native/core/unit_plan.h"

namespace eznas {

/// What compiling one group leaves for the next.
struct PlanState {
  explicit PlanState(std::vector<NodeFacts> nodes)
      : facts(std::move(nodes)),
        users(facts.size()),
        lastProgram(facts.size(), -1),
        outcome(facts.size(), -1),
        place(facts.size()),
        position(facts.size(), -1) {}

  std::vector<NodeFacts> facts;
  std::vector<std::vector<int32_t>> users;  // of each node, among nodes whose values are needed
  std::vector<int32_t> lastProgram;         // the last valid program that needs a node's value, or −1
  std::vector<int32_t> outcome;             // per node: its outcome as a program's root, or −1
  std::vector<Place> place;                 // of values that outlast a group; Kind::none for others
  std::vector<int32_t> position;            // in the group being compiled; −1 between groups
  std::vector<int32_t> kept;                // nodes whose values stand in the arena for later groups
  size_t keptFloats = 0;
  ArenaLayout arena;
  uint32_t scalars = 0;
  uint32_t tensorsRead = 0;  // recorded tensors that some group has streamed: a bit mask

  const NodeFacts& of(int32_t node) const { return facts[static_cast<size_t>(node)]; }
  bool isReady(int32_t node) const { return place[static_cast<size_t>(node)].kind != Place::Kind::none; }
};

/// Compiles the scores of some programs into one group.
///
/// Every value gets a level: a tile loop of a level computes elementwise values from stored values, from scalars of
/// earlier levels and from each other; after a level's loops come the scalars and matrix operations that waited for
/// them. A value that anything outside its own loop reads is stored in the arena.
class GroupCompiler {
 public:
  /// The group computes the means of `roots` as the outcomes that the state gives them; `lastProgram` is the last of
  /// the programs it serves. Nothing in the state changes before commit().
  GroupCompiler(PlanState& state, std::span<const int32_t> roots, int32_t lastProgram);
  ~GroupCompiler();
  GroupCompiler(const GroupCompiler&) = delete;
  GroupCompiler& operator=(const GroupCompiler&) = delete;

  /// Arena at its fullest, and what the group adds to it.
  size_t arenaFloats() const { return arena_.peakFloats(); }
  size_t addedFloats() const { return arena_.peakFloats() - state_.arena.floats(); }
  size_t scratchFloats() const { return scratchFloats_; }
  uint32_t slots() const { return slots_; }
  /// Hands over the group and leaves its lasting values to the state.
  Group commit();
  /// Hands over the group and leaves the state as it was: later groups will compute for themselves what they need.
  Group release();
  /// Where a root stands at the end of the group whose mean is its only element.
  Place rootPlace(int32_t root) { return placeOf(root); }
  /// Scalars in use, those of the state included.
  uint32_t scalars() const { return scalars_; }

 private:
  /// Something that a tile loop computes, or a step after the loops.
  struct Item {
    enum class Kind : uint8_t { value, moments, score };
    Kind kind = Kind::value;
    int32_t node = 0;
  };
  /// A loop over `elements`, or, where that is 0, one item outside loops.
  struct Stage {
    size_t elements = 0;
    std::vector<Item> items;
    std::vector<int32_t> released;  // values in the arena that nothing reads afterwards
  };
  /// A node computed in this group.
  struct Local {
    int level = 0;
    bool stored = false, kept = false;
    float cost = 0;  // rough, per element, of computing it again
    Place place;
    uint32_t moments = 0;  // of normalize: scalar of the mean; the standard deviation is the next
    size_t lastStage = 0;
    size_t lastItem = 0;  // in its own loop
  };

  void collect(std::span<const int32_t> roots);
  void assignLevels();
  void markStored();
  void choosePersistent(std::span<const int32_t> roots);
  void arrange(std::span<const int32_t> roots);
  void emit();

  bool isLocal(int32_t node) const { return state_.position[static_cast<size_t>(node)] >= 0; }
  Local& local(int32_t node) { return locals_[static_cast<size_t>(state_.position[static_cast<size_t>(node)])]; }
  bool runsInLoop(const NodeFacts& facts) const;
  bool needsSpread(const NodeFacts& user, int32_t operand) const;
  int doneLevel(int32_t node);
  int loopLevel(const NodeFacts& user, int32_t operand);
  void storeForUse(const NodeFacts& user, int32_t operand, int level);
  bool neededLater(int32_t node, std::span<const int32_t> roots);

  Place placeOf(int32_t node) { return isLocal(node) ? local(node).place : state_.place[static_cast<size_t>(node)]; }
  Place newScalar() { return {Place::Kind::scalar, scalars_++}; }
  Place newArena(size_t floats) { return {Place::Kind::arena, arena_.take(floats)}; }
  Place takeSlot();
  void addStep(Step::Kind kind, size_t index);

  void emitLoop(const Stage& stage);
  void emitValue(TileLoop& loop, int32_t node, size_t item);
  void addInstruction(TileLoop& loop, TileInstruction instruction);
  uint32_t emitReduction(TileLoop& loop, const Item& item, size_t position);
  Place operandInLoop(TileLoop& loop, const NodeFacts& user, int32_t operand);
  void releaseSlots(const NodeFacts& user, size_t item);
  ReductionStep reductionOf(const Item& item, Place a, Place b);
  void emitOutside(int32_t node);
  void emitMatrix(int32_t node);
  Place matrixOperand(int32_t node);

  PlanState& state_;
  const int32_t lastProgram_;
  Group group_;
  std::vector<int32_t> order_;  // nodes to compute, operands first
  std::vector<Local> locals_;   // in that order
  std::vector<Stage> stages_;
  std::vector<uint32_t> freeSlots_, temporarySlots_;
  uint32_t usedSlots_ = 0, slots_ = 0;
  std::vector<std::pair<uint32_t, size_t>> temporaryArena_;
  uint32_t scalars_, tensorsRead_;
  ArenaLayout arena_;
  size_t scratchFloats_ = 0;
};

/// Nodes that the mean of `root` needs beyond those that are ready or marked in `counted`, which it marks.
size_t countNewNodes(const PlanState& state, int32_t root, std::vector<uint8_t>& counted);

}  // namespace eznas
