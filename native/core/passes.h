#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "native/core/plan.h"

namespace eznas {

struct CollectRequest;

/// The three passes of a network, in the order they run and in which a kind's tensors stand.
enum class Pass { data, noise, perturbed };
inline constexpr std::array kPasses = {Pass::data, Pass::noise, Pass::perturbed};

/// Standard deviation of what is added to the data where the perturbed input is drawn.
inline constexpr float kPerturbation = 0.1f;

inline constexpr size_t kKindCount = 7;
inline size_t indexOf(Kind kind) { return static_cast<size_t>(std::countr_zero(static_cast<uint32_t>(kind))); }
/// The tensor (Tensor22) that a kind, by its index, becomes in a pass.
int tensorOf(size_t kind, Pass pass);
/// Kinds of a pass that the set of tensors holds.
uint32_t kindsOf(uint32_t tensors, Pass pass);

/// What a pass must be run for so that the tensors of the set can be recorded: a P tensor is a difference and needs its
/// D tensor too.
PassWants passWants(uint32_t tensors, Pass pass);
/// The same for all passes of a request, logits included; a pass that is not needed wants nothing.
std::array<PassWants, 3> requestWants(const CollectRequest& request);

}  // namespace eznas
