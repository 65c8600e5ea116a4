#pragma once
// What exp and ln share between CPU vectors and the GPU's single values: polynomials of least maximum relative error on
// the reduced range, fitted in float64. V is float or a vector of floats.
#include "kernels/host_device.h"

namespace eznas::series {

inline constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;  // their sum is ln 2; n·kLn2High is exact
inline constexpr float kLog2E = 1.44269504f;
/// 1.5·2^23: adding it rounds to an integer in the low bits.
inline constexpr float kRounder = 12582912.0f;
/// Beyond these bounds e^x is 0 or Inf in float32.
inline constexpr float kExpLow = -104.0f, kExpHigh = 89.0f;
/// √½ as bits: where the mantissa's range for ln starts.
inline constexpr unsigned kSqrtHalfBits = 0x3f3504f3;

/// (e^r − 1 − r) / r² for |r| ≤ ln 2 / 2.
template <class V>
EZNAS_HOST_DEVICE V expSeries(V r) {
  V q = V{} + 0.001381459638f;
  q = q * r + 0.008368717091f;
  q = q * r + 0.04166838809f;
  q = q * r + 0.1666652063f;
  return q * r + 0.4999999345f;
}

/// (ln(1 + f) − f + f² / 2) / f³ for 1 + f in [√½, √2).
template <class V>
EZNAS_HOST_DEVICE V logSeries(V f) {
  V p = V{} - 0.07634441488f;
  p = p * f + 0.1276156786f;
  p = p * f - 0.1316019905f;
  p = p * f + 0.1420176042f;
  p = p * f - 0.1662335589f;
  p = p * f + 0.2000122673f;
  p = p * f - 0.2500082107f;
  return p * f + 0.3333333171f;
}

}  // namespace eznas::series
