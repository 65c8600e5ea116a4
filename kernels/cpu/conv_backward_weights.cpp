// Convolution, gradient of the weights.
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {

void convBackwardWeights(const ConvShape& s, const FeatureMap& x, const FeatureMap& gy, float* gw, float* gb, float*) {
  const int inner = s.inChannels / s.groups, outer = s.outChannels / s.groups;
  for (int oc = 0; oc < s.outChannels; ++oc) {
    for (int j = 0; j < inner; ++j) {
      const int ic = oc / outer * inner + j;
      for (int ky = 0; ky < s.kernelH; ++ky)
        for (int kx = 0; kx < s.kernelW; ++kx) {
          float v = 0;
          for (int i = 0; i < gy.n; ++i)
            for (int oy = 0; oy < gy.h; ++oy)
              for (int ox = 0; ox < gy.w; ++ox)
                v += gy.at(i, oc / kLanes, oy, ox)[oc % kLanes] *
                     x.at(i, ic / kLanes, oy * s.strideH + ky * s.dilationH - s.padH,
                          ox * s.strideW + kx * s.dilationW - s.padW)[ic % kLanes];
          *gw++ = v;
        }
    }
    if (gb) {
      double total = 0;
      for (int i = 0; i < gy.n; ++i)
        for (int oy = 0; oy < gy.h; ++oy)
          for (int ox = 0; ox < gy.w; ++ox) total += gy.at(i, oc / kLanes, oy, ox)[oc % kLanes];
      gb[oc] = static_cast<float>(total);
    }
  }
}

}  // namespace eznas::EZNAS_ISA
