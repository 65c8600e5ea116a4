#pragma once
// Stand-ins for the tensor cores' tf32 product.
#include <bit>
#include <cstdint>
#include <cstring>

#include "device_calls.h"

namespace eznas::shim {

inline constexpr uint32_t kTf32Mask = 0xffffe000u;

inline uint32_t roundToTf32(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) return (bits & 0x7fffffu) != 0 ? 0x7fffffffu : bits;
  return (bits + 0x1000u) & kTf32Mask;
}

/// A lane's operands, and after the meeting its results in d.
struct MmaFragments {
  float d[4];
  uint32_t a[4], b[2];
};
static_assert(sizeof(MmaFragments) <= sizeof(LaneSlot));

/// The product of the whole warp: bits beyond tf32's are not seen, products are exact, sums are rounded to float32.
void completeMma(LaneSlot* slots);

inline void mmaTf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  LaneSlot mine;
  MmaFragments fragments{{d[0], d[1], d[2], d[3]}, {a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  std::memcpy(mine.bytes, &fragments, sizeof fragments);
  const LaneSlot* slots = meetWarp(Meeting::mma, 0xffffffffu, &mine, completeMma);
  std::memcpy(d, slots[lane()].bytes, sizeof d);
}

}  // namespace eznas::shim
