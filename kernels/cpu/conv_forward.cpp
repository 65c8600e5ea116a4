// Convolution, forward.
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {

int convInputHalo(const ConvShape& s) { return larger(s.padH, s.padW); }
size_t convPackedSize(const ConvShape& s) {
  return static_cast<size_t>(s.outChannels) * (s.inChannels / s.groups) * s.kernelH * s.kernelW;
}
size_t convScratchSize(const ConvShape&, int, int, int) { return 0; }
void convPackForward(const ConvShape& s, const float* weight, float* packed) {
  std::memcpy(packed, weight, convPackedSize(s) * sizeof(float));
}

void convForward(const ConvShape& s, const FeatureMap& x, const float* packed, const float* bias, const FeatureMap& y,
                 double* sums, double* squares, float*) {
  const int inner = s.inChannels / s.groups, outer = s.outChannels / s.groups;
  for (int oc = 0; oc < s.outChannels; ++oc) {
    double total = 0, square = 0;
    for (int i = 0; i < y.n; ++i)
      for (int oy = 0; oy < y.h; ++oy)
        for (int ox = 0; ox < y.w; ++ox) {
          float v = bias ? bias[oc] : 0;
          for (int j = 0; j < inner; ++j) {
            const int ic = oc / outer * inner + j;
            for (int ky = 0; ky < s.kernelH; ++ky)
              for (int kx = 0; kx < s.kernelW; ++kx)
                v += packed[((oc * inner + j) * s.kernelH + ky) * s.kernelW + kx] *
                     x.at(i, ic / kLanes, oy * s.strideH + ky * s.dilationH - s.padH,
                          ox * s.strideW + kx * s.dilationW - s.padW)[ic % kLanes];
          }
          y.at(i, oc / kLanes, oy, ox)[oc % kLanes] = v;
          total += v;
          square += static_cast<double>(v) * v;
        }
    if (sums) sums[oc] = total, squares[oc] = square;
  }
}

}  // namespace eznas::EZNAS_ISA
