#pragma once
// Where the values of a group lie: scalars and what a step works with in a block's shared memory as long as there is
// some, the arena, matrices and the rest in its scratch memory.
#include <cstdint>
#include <vector>

#include "native/core/unit_plan.h"

namespace eznas::cuda {

/// Hands out places, words of kernels/cuda/program_code.h. Scratch memory holds, in this order, the arena, what matrix
/// operations need, scalars beyond shared memory, and what one step needs.
class GroupPlaces {
 public:
  /// @param scalars numbered below this; `spare` more may be asked for
  /// @param matrixFloats scratch memory of the largest matrix operation
  /// @param stepFloats of shared memory for one step
  GroupPlaces(size_t arenaFloats, uint64_t matrixFloats, uint32_t scalars, uint64_t spare, uint32_t stepFloats);

  /// The place of any value.
  uint32_t of(Place place);
  uint32_t ofScalar(uint32_t index);
  /// Whether anything asked for this scalar.
  bool hasScalar(uint32_t index) const { return scalarAt_[index] != kNowhere; }
  /// Places of a scalar and the one that follows it, next to each other.
  uint32_t ofPair(uint32_t index);
  /// `count` scalars of no number, next to one another.
  uint32_t newScalars(uint32_t count);
  /// Scratch memory of matrix operations.
  uint32_t ofMatrices() const;

  /// Memory of one step, until it is released.
  uint32_t takeForStep(uint32_t floats);
  void releaseStep() { stepShared_ = stepScratch_ = 0; }
  /// Slots of the loop that begins: none has a place yet.
  void forgetSlots() { slotAt_.clear(); }
  /// Gives a slot its tile, once.
  void placeSlot(uint32_t index);

  uint64_t scratchFloats() const { return scratchEnd_; }

 private:
  static constexpr uint32_t kNowhere = UINT32_MAX;

  uint32_t stepFloats_;
  std::vector<uint32_t> scalarAt_, slotAt_;  // places; of slots in the loop at hand
  uint32_t scalarCount_ = 0;                 // where the last stand
  bool scalarsSpilt_ = false;
  uint64_t matricesAt_ = 0, scalarsAt_ = 0, stepAt_ = 0, scratchEnd_ = 0;
  uint64_t stepShared_ = 0, stepScratch_ = 0;
};

}  // namespace eznas::cuda
