#pragma once
// Walks over feature maps row by row, a register at a time.
#include "kernels/cpu/network_kernels.h"
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {

/// Calls f(image, block, row) for every row of the map.
template <class F>
[[gnu::always_inline]] inline void forEachRow(const FeatureMap& m, F f) {
  for (int i = 0; i < m.n; ++i)
    for (int b = 0; b < m.blocks(); ++b)
      for (int y = 0; y < m.h; ++y) f(i, b, y);
}

/// y = (accumulate ? y : 0) + f(offset), registers along each row.
template <class F>
[[gnu::always_inline]] inline void writeRow(float* y, int floats, bool accumulate, F f) {
  if (accumulate) {
    for (int k = 0; k < floats; k += kWidth) storeReg(y + k, loadReg(y + k) + f(k));
  } else {
    for (int k = 0; k < floats; k += kWidth) storeReg(y + k, f(k));
  }
}

}  // namespace eznas::EZNAS_ISA
