// Activations and their slopes. All but the sigmoid are made of pieces, straight or parabolic; which piece a number is
// on is read off a map of its own, so that a network can be held to the pieces of another run.
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/program_math.h"
#include "kernels/cpu/rows.h"

namespace eznas::EZNAS_ISA {
namespace {

using programs::sigmoidReg;
using programs::splat;

/// v below the lower bound of p, above the upper one, or between; a NaN compares false and is between.
[[gnu::always_inline]] inline Reg piece(Reg p, float low, float high, Reg below, Reg between, Reg above) {
  return p <= low ? below : p >= high ? above : between;
}

/// y = f(x, pieces); lanes past the last channel stay zero where f(0) is not.
template <bool kMasked, class F>
[[gnu::always_inline]] inline void forward(const FeatureMap& x, const FeatureMap& pieces, const FeatureMap& y, F f) {
  forEachRow(y, [&](int i, int b, int row) {
    const float* from = x.at(i, b, row, 0);
    const float* on = pieces.at(i, b, row, 0);
    float* to = y.at(i, b, row, 0);
    if constexpr (kMasked) {
      for (int r = 0; r < kLanes; r += kWidth) {
        const RegInt mask = laneMask(y.c, b, r / kWidth);
        for (int k = r; k < y.w * kLanes; k += kLanes)
          storeReg(to + k, masked(f(loadReg(from + k), loadReg(on + k)), mask));
      }
    } else {
      writeRow(to, y.w * kLanes, false, [&](int k) { return f(loadReg(from + k), loadReg(on + k)); });
    }
  });
}

/// gx (+)= f(x, pieces, gy), the gradient times the slope.
template <class F>
[[gnu::always_inline]] inline void backward(const FeatureMap& x, const FeatureMap& pieces, const FeatureMap& gy,
                                            const FeatureMap& gx, bool accumulate, F f) {
  forEachRow(gx, [&](int i, int b, int row) {
    const float* from = x.at(i, b, row, 0);
    const float* on = pieces.at(i, b, row, 0);
    const float* g = gy.at(i, b, row, 0);
    writeRow(gx.at(i, b, row, 0), gx.w * kLanes, accumulate,
             [&](int k) { return f(loadReg(from + k), loadReg(on + k), loadReg(g + k)); });
  });
}

}  // namespace

void activate(Activation activation, const FeatureMap& x, const FeatureMap& pieces, const FeatureMap& y) {
  switch (activation) {
    case Activation::relu:
      return forward<false>(x, pieces, y, [](Reg v, Reg p) { return p <= 0.0f ? Reg{} : v; });
    case Activation::relu6:
      return forward<false>(x, pieces, y, [](Reg v, Reg p) { return piece(p, 0, 6, Reg{}, v, splat(6)); });
    case Activation::hardSwish:
      return forward<false>(x, pieces, y,
                            [](Reg v, Reg p) { return piece(p, -3, 3, Reg{}, v * (v + 3.0f) / 6.0f, v); });
    case Activation::hardSigmoid:
      return forward<true>(x, pieces, y,
                           [](Reg v, Reg p) { return piece(p, -3, 3, Reg{}, (v + 3.0f) / 6.0f, splat(1)); });
    case Activation::sigmoid:
      return forward<true>(x, pieces, y, [](Reg v, Reg) { return sigmoidReg(v); });
  }
}

void activateBackward(Activation activation, const FeatureMap& x, const FeatureMap& pieces, const FeatureMap& gy,
                      const FeatureMap& gx, bool accumulate) {
  switch (activation) {
    case Activation::relu:
      return backward(x, pieces, gy, gx, accumulate, [](Reg, Reg p, Reg g) { return masked(g, p > 0.0f); });
    case Activation::relu6:
      return backward(x, pieces, gy, gx, accumulate,
                      [](Reg, Reg p, Reg g) { return masked(g, (p > 0.0f) & (p < 6.0f)); });
    case Activation::hardSwish:
      return backward(x, pieces, gy, gx, accumulate,
                      [](Reg v, Reg p, Reg g) { return piece(p, -3, 3, Reg{}, g * ((v + v + 3.0f) / 6.0f), g); });
    case Activation::hardSigmoid:
      return backward(x, pieces, gy, gx, accumulate,
                      [](Reg, Reg p, Reg g) { return masked(g / 6.0f, (p > -3.0f) & (p < 3.0f)); });
    case Activation::sigmoid:
      return backward(x, pieces, gy, gx, accumulate, [](Reg v, Reg, Reg g) { return g * (v - v * v); });
  }
}

}  // namespace eznas::EZNAS_ISA
