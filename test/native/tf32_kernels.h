#pragma once
// The CPU's kernels with the operands of convolutions rounded as the device's tensor cores take them, sums as ever:
// what Precision::tf32 means, computed by other code.
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/cpu/network_kernels.h"
#include "native/core/simd.h"

namespace eznas::test {

/// Round half away from zero to 10 bits of mantissa, by the definition of the format.
inline double tf32(double value) {
  if (!std::isfinite(value) || value == 0) return value;
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  return std::ldexp(std::round(std::ldexp(mantissa, 11)), exponent - 11);
}

namespace rounded {

inline const NetworkKernels& base() { return networkKernels(simdLevel()); }

/// Depthwise convolutions use no tensor cores.
inline bool exact(const ConvShape& s) { return s.groups > 1 && s.groups == s.inChannels && s.groups == s.outChannels; }

inline std::vector<float> values(const float* from, size_t count) {
  std::vector<float> to(count);
  for (size_t i = 0; i < count; ++i) to[i] = static_cast<float>(tf32(from[i]));
  return to;
}
inline std::vector<float> weights(const ConvShape& s, const float* weight) {
  return values(weight, static_cast<size_t>(s.outChannels) * static_cast<size_t>(s.inChannels / s.groups) *
                            static_cast<size_t>(s.kernelH) * static_cast<size_t>(s.kernelW));
}

/// A rounded copy of a feature map.
struct Map {
  std::vector<float> storage;
  FeatureMap map;
  explicit Map(const FeatureMap& from) : storage(values(from.data, from.floats())), map(from) {
    storage.resize(storage.size() + kReadSlack);
    map.data = storage.data();
  }
};

inline void packForward(const ConvShape& s, const float* weight, float* packed) {
  base().convPackForward(s, exact(s) ? weight : weights(s, weight).data(), packed);
}
inline void packBackward(const ConvShape& s, const float* weight, float* packed) {
  base().convPackBackward(s, exact(s) ? weight : weights(s, weight).data(), packed);
}
inline void forward(const ConvShape& s, const FeatureMap& x, const float* packed, const float* bias,
                    const FeatureMap& y, double* sums, double* squares, float* scratch) {
  base().convForward(s, exact(s) ? x : Map(x).map, packed, bias, y, sums, squares, scratch);
}
inline void backwardData(const ConvShape& s, const FeatureMap& gy, const float* packed, const FeatureMap& gx,
                         bool accumulate, float* scratch) {
  base().convBackwardData(s, exact(s) ? gy : Map(gy).map, packed, gx, accumulate, scratch);
}
/// The gradient of a bias is a plain sum.
inline void backwardWeights(const ConvShape& s, const FeatureMap& x, const FeatureMap& gy, float* gw, float* gb,
                            float* scratch) {
  if (exact(s) || gb != nullptr) base().convBackwardWeights(s, x, gy, gw, gb, scratch);
  if (!exact(s)) base().convBackwardWeights(s, Map(x).map, Map(gy).map, gw, nullptr, scratch);
}

}  // namespace rounded

inline NetworkKernels tf32Kernels() {
  NetworkKernels kernels = rounded::base();
  kernels.convPackForward = rounded::packForward;
  kernels.convPackBackward = rounded::packBackward;
  kernels.convForward = rounded::forward;
  kernels.convBackwardData = rounded::backwardData;
  kernels.convBackwardWeights = rounded::backwardWeights;
  return kernels;
}

}  // namespace eznas::test
