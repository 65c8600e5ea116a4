#include "native/core/passes.h"

#include "native/core/collect.h"

namespace eznas {
namespace {

/// First of the D, N, P tensors of each kind, in Kind order.
constexpr std::array<int, kKindCount> kFirstTensor = {kT1D, kT1GD, kT2D, kT2GD, kT3GD, kT4D, kT4GD};

}  // namespace

int tensorOf(size_t kind, Pass pass) { return kFirstTensor[kind] + static_cast<int>(pass); }

uint32_t kindsOf(uint32_t tensors, Pass pass) {
  uint32_t kinds = 0;
  for (size_t k = 0; k < kKindCount; ++k)
    if (tensors >> tensorOf(k, pass) & 1) kinds |= 1u << k;
  return kinds;
}

PassWants passWants(uint32_t tensors, Pass pass) {
  PassWants wants;
  wants.kinds = kindsOf(tensors, pass);
  if (pass == Pass::data) wants.kinds |= kindsOf(tensors, Pass::perturbed);
  return wants;
}

std::array<PassWants, 3> requestWants(const CollectRequest& request) {
  std::array<PassWants, 3> wants;
  bool any = false;
  for (size_t p = 0; p < wants.size(); ++p) {
    wants[p] = passWants(request.tensors, kPasses[p]);
    any = any || wants[p].any();
    wants[p].logits = request.logits && wants[p].any();
  }
  if (!any) wants[0].logits = request.logits;
  return wants;
}

}  // namespace eznas
