// Convolution, gradient of the input. Stride 1: a convolution of gy with the taps in reverse order and the roles of
// input and output channels exchanged. Larger strides: inputs fall into strideH × strideW phases, each of which sees
// only the taps that reach it; every phase is a stride-1 sweep over gy that writes every strideH-th row and strideW-th
// column of gx, so no multiplication by the zeros between the outputs is ever made.
#include "kernels/cpu/conv.h"
#include "kernels/cpu/conv_tiles.h"
#include "kernels/cpu/conv_winograd.h"

namespace eznas::EZNAS_ISA {

int convGradientHalo(const ConvShape& s) {
  const int h = (s.dilationH * (s.kernelH - 1) - s.padH + s.strideH - 1) / s.strideH;
  const int w = (s.dilationW * (s.kernelW - 1) - s.padW + s.strideW - 1) / s.strideW;
  return larger(0, larger(h, w));
}

namespace {

/// Calls f(row phase, column phase, row taps, column taps) for every phase of the stride.
template <class F>
void forEachPhase(const ConvShape& s, F f) {
  for (int py = 0; py < s.strideH; ++py) {
    const PhaseTaps rows = phaseTaps(py, s.kernelH, s.strideH, s.padH, s.dilationH);
    for (int px = 0; px < s.strideW; ++px) f(py, px, rows, phaseTaps(px, s.kernelW, s.strideW, s.padW, s.dilationW));
  }
}

}  // namespace

// Layout: [group][phase][input block][output block][taps of the phase][16 out][16 in]; the weights of Winograd's
// algorithm, which has one phase, behind those of their group.
void convPackBackward(const ConvShape& s, const float* weight, float* packed) {
  if (isDepthwise(s)) return depthwisePack(s, weight, packed);
  const int inputs = groupInputs(s), outputs = groupOutputs(s), taps = s.kernelH * s.kernelW;
  for (int g = 0; g < s.groups; ++g, weight += static_cast<ptrdiff_t>(outputs) * inputs * taps) {
    forEachPhase(s, [&](int, int, const PhaseTaps& rows, const PhaseTaps& cols) {
      const float* direct = packed;
      for (int ib = 0; ib < blocksOf(inputs); ++ib) {
        for (int ob = 0; ob < blocksOf(outputs); ++ob) {
          for (int a = 0; a < rows.count; ++a) {
            for (int b = 0; b < cols.count; ++b, packed += kWeightBlock) {
              std::memset(packed, 0, kWeightBlock * sizeof(float));
              const int tap = (rows.last - a * rows.step) * s.kernelW + cols.last - b * cols.step;
              for (int o = 0; o < channelsInBlock(outputs, ob); ++o) {
                const float* from = weight + (static_cast<ptrdiff_t>(ob * kLanes + o) * inputs + ib * kLanes) * taps;
                for (int i = 0; i < channelsInBlock(inputs, ib); ++i)
                  packed[o * kLanes + i] = from[static_cast<ptrdiff_t>(i) * taps + tap];
              }
            }
          }
        }
      }
      if (usesWinograd(s)) {
        winogradPack(outputs, inputs, direct, packed);
        packed += winogradPackedSize(outputs, inputs);
      }
    });
  }
}

void convBackwardData(const ConvShape& s, const FeatureMap& gy, const float* packed, const FeatureMap& gx,
                      bool accumulate, float* scratch) {
  if (isDepthwise(s)) return depthwiseBackwardData(s, gy, packed, gx, accumulate);
  const int inputs = groupInputs(s), outputs = groupOutputs(s);
  const bool copies = !groupsAreBlocks(s);
  FeatureMap in = gy, out = gx;
  if (copies) {
    in = scratchMap(gy, outputs, convGradientHalo(s), scratch);
    out = scratchMap(gx, inputs, 0, scratch);
  }
  for (int g = 0; g < s.groups; ++g) {
    if (copies) copyRegion(gy, g * outputs, 0, 0, in, 0, 0, 0, outputs, gy.h, gy.w, false);
    const View from = viewOf(in, copies ? 0 : g * outputs / kLanes), to = viewOf(out, copies ? 0 : g * inputs / kLanes);
    forEachPhase(s, [&](int py, int px, const PhaseTaps& rows, const PhaseTaps& cols) {
      runSweep({.x = from.origin + rows.offset * from.row + cols.offset * kLanes,
                .xImage = from.image,
                .xBlock = from.block,
                .xRow = from.row,
                .xCol = kLanes,
                .tapRow = rows.offsetStep * from.row,
                .tapCol = cols.offsetStep * kLanes,
                .y = to.origin + py * to.row + px * kLanes,
                .yImage = to.image,
                .yBlock = to.block,
                .yRow = s.strideH * to.row,
                .yCol = s.strideW * kLanes,
                .images = gx.n,
                .rows = (gx.h - py + s.strideH - 1) / s.strideH,
                .cols = (gx.w - px + s.strideW - 1) / s.strideW,
                .inChannels = outputs,
                .outChannels = inputs,
                .tapRows = rows.count,
                .tapCols = cols.count,
                .weights = packed,
                .winograd = usesWinograd(s) ? packed + directPackedSize(outputs, inputs) : nullptr,
                .scratch = scratch},
               nullptr, accumulate && !copies, nullptr, nullptr);
      packed += static_cast<ptrdiff_t>(rows.count) * cols.count * blocksOf(inputs) * blocksOf(outputs) * kWeightBlock;
      if (usesWinograd(s)) packed += winogradPackedSize(outputs, inputs);
    });
    if (copies) copyRegion(out, 0, 0, 0, gx, g * inputs, 0, 0, inputs, gx.h, gx.w, accumulate);
  }
}

}  // namespace eznas::EZNAS_ISA
