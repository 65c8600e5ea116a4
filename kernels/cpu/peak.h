#pragma once
#include <cstddef>

namespace eznas {

/// What the machine can do, measured: the yardsticks that benches divide by.
struct PeakKernels {
  /// Floating-point operations done by one call of `multiplyAdd(iterations)`, all in registers, in independent chains
  /// long enough to fill the pipelines. A multiply-add counts as two.
  double (*operations)(size_t iterations);
  float (*multiplyAdd)(size_t iterations, float x);
};

}  // namespace eznas
