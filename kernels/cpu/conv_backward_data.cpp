// Convolution, gradient of the input.
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {

int convGradientHalo(const ConvShape& s) {
  const int h = (s.dilationH * (s.kernelH - 1) - s.padH + s.strideH - 1) / s.strideH;
  const int w = (s.dilationW * (s.kernelW - 1) - s.padW + s.strideW - 1) / s.strideW;
  return larger(0, larger(h, w));
}
void convPackBackward(const ConvShape& s, const float* weight, float* packed) {
  std::memcpy(packed, weight, convPackedSize(s) * sizeof(float));
}

void convBackwardData(const ConvShape& s, const FeatureMap& gy, const float* packed, const FeatureMap& gx,
                      bool accumulate, float*) {
  const int inner = s.inChannels / s.groups, outer = s.outChannels / s.groups;
  for (int ic = 0; ic < s.inChannels; ++ic)
    for (int i = 0; i < gx.n; ++i)
      for (int iy = 0; iy < gx.h; ++iy)
        for (int ix = 0; ix < gx.w; ++ix) {
          float* out = gx.at(i, ic / kLanes, iy, ix) + ic % kLanes;
          float v = accumulate ? *out : 0;
          for (int j = 0; j < outer; ++j) {
            const int oc = ic / inner * outer + j;
            for (int ky = 0; ky < s.kernelH; ++ky)
              for (int kx = 0; kx < s.kernelW; ++kx) {
                const int ty = iy + s.padH - ky * s.dilationH, tx = ix + s.padW - kx * s.dilationW;
                if (ty < 0 || tx < 0 || ty % s.strideH || tx % s.strideW) continue;
                if (ty / s.strideH >= gy.h || tx / s.strideW >= gy.w) continue;
                v += packed[((oc * inner + ic % inner) * s.kernelH + ky) * s.kernelW + kx] *
                     gy.at(i, oc / kLanes, ty / s.strideH, tx / s.strideW)[oc % kLanes];
              }
          }
          *out = v;
        }
}

}  // namespace eznas::EZNAS_ISA
