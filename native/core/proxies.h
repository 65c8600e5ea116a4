#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "native/core/collect.h"

namespace eznas {

/// Zero-cost proxies that are no programs over a unit's tensors, in the order of lib/proxies/measures.ts, which has
/// formulas and papers.
enum class Measure : int {
  l2Norm,
  gradNorm,
  plain,
  snip,
  grasp,
  fisher,
  synflow,
  logSynflow,
  jacobCov,
  epeNas,
  naswot,
  swap,
  zen,
  zico,
  meco,
  gradSign,
  azExpressivity,
  azProgressivity,
  azTrainability,
};
inline constexpr int kMeasureCount = 19;

struct MeasureRequest {
  CollectRequest networks;      // which tensors it asks for does not matter
  std::vector<int32_t> labels;  // a class per image; only where a measure reads them
  std::vector<std::vector<int32_t>>
      blocks;             // by network: the ends of its blocks; may be empty where no measure reads them
  uint32_t measures = 0;  // bit i asks for Measure i
  bool asks(Measure measure) const { return (measures >> static_cast<int>(measure) & 1) != 0; }
};

/// Whether the measures asked for read labels.
bool readsLabels(uint32_t measures);

/// Validates the request as collect does, and that labels fit images and classes.
void validate(const MeasureRequest& request);

/// Of one network, in the order of the measures.
struct Measured {
  std::vector<double> scores;   // NaN for those not asked for
  std::vector<double> seconds;  // that a measure took; those that share a pass are each given all of it
  double total = 0;             // seconds of all together
};

/// Measures that read the same tensors share a pass.
Measured measureNetwork(const MeasureRequest& request, size_t index);

}  // namespace eznas
