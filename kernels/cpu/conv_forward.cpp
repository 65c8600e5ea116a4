// Convolution, forward: a sweep per group (conv_tiles.cpp).
#include "kernels/cpu/conv.h"
#include "kernels/cpu/conv_tiles.h"
#include "kernels/cpu/conv_winograd.h"

namespace eznas::EZNAS_ISA {

int convInputHalo(const ConvShape& s) { return larger(s.padH, s.padW); }

size_t convPackedSize(const ConvShape& s) {
  if (isDepthwise(s)) return depthwisePackedSize(s);
  const size_t blockPairs = static_cast<size_t>(blocksOf(groupInputs(s))) * blocksOf(groupOutputs(s));
  const size_t winograd = usesWinograd(s) ? winogradPackedSize(groupInputs(s), groupOutputs(s)) : 0;
  return s.groups * (blockPairs * s.kernelH * s.kernelW * kWeightBlock + winograd);
}

size_t convScratchSize(const ConvShape& s, int n, int h, int w) {
  // The sums of one input block in backwardWeights, for up to two output blocks.
  size_t floats = static_cast<size_t>(2) * s.kernelH * s.kernelW * kWeightBlock;
  if (usesWinograd(s)) floats += winogradScratchSize(larger(groupInputs(s), groupOutputs(s)));
  if (!isDepthwise(s) && !groupsAreBlocks(s)) {
    const FeatureMap x{nullptr, n, groupInputs(s), h, w, convInputHalo(s)};
    const FeatureMap y{nullptr, n, groupOutputs(s), s.outH(h), s.outW(w), convGradientHalo(s)};
    floats += x.floats() + y.floats() + kReadSlack;
  }
  return floats;
}

void convPackForward(const ConvShape& s, const float* weight, float* packed) {
  if (isDepthwise(s)) return depthwisePack(s, weight, packed);
  const int inputs = groupInputs(s), outputs = groupOutputs(s), taps = s.kernelH * s.kernelW;
  for (int g = 0; g < s.groups; ++g, weight += static_cast<ptrdiff_t>(outputs) * inputs * taps) {
    const float* direct = packed;
    for (int ob = 0; ob < blocksOf(outputs); ++ob) {
      for (int ib = 0; ib < blocksOf(inputs); ++ib) {
        std::memset(packed, 0, static_cast<size_t>(taps) * kWeightBlock * sizeof(float));
        for (int o = 0; o < channelsInBlock(outputs, ob); ++o) {
          const float* from = weight + (static_cast<ptrdiff_t>(ob * kLanes + o) * inputs + ib * kLanes) * taps;
          for (int i = 0; i < channelsInBlock(inputs, ib); ++i)
            for (int t = 0; t < taps; ++t) packed[(t * kLanes + i) * kLanes + o] = *from++;
        }
        packed += static_cast<ptrdiff_t>(taps) * kWeightBlock;
      }
    }
    if (usesWinograd(s)) {
      winogradPack(inputs, outputs, direct, packed);
      packed += winogradPackedSize(inputs, outputs);
    }
  }
}

void convForward(const ConvShape& s, const FeatureMap& x, const float* packed, const float* bias, const FeatureMap& y,
                 double* sums, double* squares, float* scratch) {
  if (isDepthwise(s)) return depthwiseForward(s, x, packed, bias, y, sums, squares);
  const int inputs = groupInputs(s), outputs = groupOutputs(s);
  const bool copies = !groupsAreBlocks(s);
  FeatureMap in = x, out = y;
  if (copies) {
    in = scratchMap(x, inputs, convInputHalo(s), scratch);
    out = scratchMap(y, outputs, 0, scratch);
  }
  for (int g = 0; g < s.groups; ++g) {
    if (copies) copyRegion(x, g * inputs, 0, 0, in, 0, 0, 0, inputs, x.h, x.w, false);
    const View from = viewOf(in, copies ? 0 : g * inputs / kLanes), to = viewOf(out, copies ? 0 : g * outputs / kLanes);
    const int c = g * outputs;
    const float* weights = packed + g * (convPackedSize(s) / s.groups);
    runSweep({.x = from.origin - s.padH * from.row - s.padW * kLanes,
              .xImage = from.image,
              .xBlock = from.block,
              .xRow = s.strideH * from.row,
              .xCol = s.strideW * kLanes,
              .tapRow = s.dilationH * from.row,
              .tapCol = s.dilationW * kLanes,
              .y = to.origin,
              .yImage = to.image,
              .yBlock = to.block,
              .yRow = to.row,
              .yCol = kLanes,
              .images = y.n,
              .rows = y.h,
              .cols = y.w,
              .inChannels = inputs,
              .outChannels = outputs,
              .tapRows = s.kernelH,
              .tapCols = s.kernelW,
              .weights = weights,
              .winograd = usesWinograd(s) ? weights + directPackedSize(inputs, outputs) : nullptr,
              .scratch = scratch},
             bias ? bias + c : nullptr, false, sums ? sums + c : nullptr, squares ? squares + c : nullptr);
    if (copies) copyRegion(out, 0, 0, 0, y, c, 0, 0, outputs, y.h, y.w, false);
  }
}

}  // namespace eznas::EZNAS_ISA
