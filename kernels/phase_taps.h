#pragma once
// The gradient of a strided convolution's input, phase by phase of the stride.
#include "kernels/host_device.h"

namespace eznas {

/// Taps along one axis that reach the inputs i ≡ phase (mod stride), i = phase + stride · t: the taps last, last −
/// step, …, of which the k-th reads output position t + offset + k · offsetStep.
struct PhaseTaps {
  int count = 0, last = 0, step = 0, offset = 0, offsetStep = 0;
};

EZNAS_HOST_DEVICE PhaseTaps phaseTaps(int phase, int kernel, int stride, int pad, int dilation) {
  PhaseTaps taps;
  for (int k = 0; k < kernel; ++k) {
    const int position = phase + pad - k * dilation;
    if (position % stride != 0) continue;
    if (taps.count++ > 0) taps.step = k - taps.last;
    taps.last = k;
    taps.offset = position / stride;
  }
  taps.offsetStep = taps.step * dilation / stride;
  return taps;
}

}  // namespace eznas
