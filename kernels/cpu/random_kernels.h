#pragma once
#include <cstddef>
#include <cstdint>

namespace eznas {

/// Generator of one SIMD level; every level gives the same bits (kernels/random.h).
struct RandomKernels {
  /// out[i] = (base ? base[i] : 0) + scale · z(seed, network, tensor, i) for i in [0, count), z ~ N(0, 1). out may be
  /// base. Element i does not depend on count.
  void (*normal)(uint64_t seed, uint64_t network, uint32_t tensor, float scale, const float* base, float* out,
                 size_t count);
};

}  // namespace eznas
