#include "native/cuda/group_places.h"

#include <algorithm>

#include "kernels/cuda/program_code.h"

namespace eznas::cuda {

GroupPlaces::GroupPlaces(size_t arenaFloats, uint64_t matrixFloats, uint32_t scalars, uint64_t spare,
                         uint32_t stepFloats)
    : stepFloats_(stepFloats), scalarAt_(scalars, kNowhere), matricesAt_(arenaFloats) {
  scalarsAt_ = matricesAt_ + (matrixFloats + 3) / 4 * 4;
  const uint64_t most = scalars + spare;
  stepAt_ = scalarsAt_ + (most <= kSharedScalars ? 0 : (most + 3) / 4 * 4);
  scratchEnd_ = stepAt_;
}

uint32_t GroupPlaces::newScalars(uint32_t count) {
  const uint32_t at = scalarCount_;
  scalarCount_ += count;
  if (at + count <= kSharedScalars && !scalarsSpilt_) return placeWord(PlaceKind::shared, kScalarFloats + at);
  if (!scalarsSpilt_) {
    scalarsSpilt_ = true;
    scalarCount_ = count;
    return placeWord(PlaceKind::scratch, static_cast<uint32_t>(scalarsAt_));
  }
  return placeWord(PlaceKind::scratch, static_cast<uint32_t>(scalarsAt_ + at));
}

uint32_t GroupPlaces::ofScalar(uint32_t index) {
  if (scalarAt_[index] == kNowhere) scalarAt_[index] = newScalars(1);
  return scalarAt_[index];
}

uint32_t GroupPlaces::ofPair(uint32_t index) {
  scalarAt_[index] = newScalars(2);
  scalarAt_[index + 1] = scalarAt_[index] + 1;
  return scalarAt_[index];
}

uint32_t GroupPlaces::ofMatrices() const { return placeWord(PlaceKind::scratch, static_cast<uint32_t>(matricesAt_)); }

uint32_t GroupPlaces::of(Place place) {
  switch (place.kind) {
    case Place::Kind::tensor:
      return placeWord(PlaceKind::tensor, place.index);
    case Place::Kind::arena:
      return placeWord(PlaceKind::scratch, place.index * 16);
    case Place::Kind::scalar:
      return ofScalar(place.index);
    case Place::Kind::slot:
      return slotAt_[place.index];
    case Place::Kind::none:
      break;
  }
  return 0;
}

uint32_t GroupPlaces::takeForStep(uint32_t floats) {
  if (stepShared_ + floats <= stepFloats_) {
    stepShared_ += floats;
    return placeWord(PlaceKind::shared, static_cast<uint32_t>(kWorkFloats + stepShared_ - floats));
  }
  const uint64_t at = stepAt_ + stepScratch_;
  stepScratch_ += floats;
  scratchEnd_ = std::max(scratchEnd_, stepAt_ + stepScratch_);
  return placeWord(PlaceKind::scratch, static_cast<uint32_t>(at));
}

void GroupPlaces::placeSlot(uint32_t index) {
  if (slotAt_.size() <= index) slotAt_.resize(index + 1, kNowhere);
  if (slotAt_[index] == kNowhere) slotAt_[index] = takeForStep(kTileElements);
}

}  // namespace eznas::cuda
