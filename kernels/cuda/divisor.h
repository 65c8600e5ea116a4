#pragma once
// Division of numbers below 2³¹ by a number known before the launch: one multiplication and a shift.
#include <bit>
#include <cstdint>

namespace eznas::cuda {

/// Granlund and Montgomery, "Division by invariant integers using multiplication" (PLDI 1994), figure 4.1: with
/// 2^(shift − 1) < divisor ≤ 2^shift, n / divisor = (⌊n·multiplier / 2³²⌋ + n) >> shift. The sum fits for n < 2³¹.
struct Divisor {
  uint32_t divisor = 1, multiplier = 1, shift = 0;

  Divisor() = default;
  explicit Divisor(int d) : divisor(static_cast<uint32_t>(d)) {
    shift = static_cast<uint32_t>(32 - std::countl_zero(divisor - 1));
    multiplier = static_cast<uint32_t>((((uint64_t{1} << shift) - divisor) << 32) / divisor + 1);
  }
  bool operator==(const Divisor&) const = default;
};

}  // namespace eznas::cuda
