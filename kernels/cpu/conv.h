#pragma once
// How a convolution is run: depthwise by kernels of its own; everything else as one dense convolution per group, on
// views of the maps where a group is whole blocks of channels, else on copies that start at a block.
#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"
#include "kernels/phase_taps.h"

namespace eznas::EZNAS_ISA {

[[gnu::always_inline]] inline bool isDepthwise(const ConvShape& s) {
  return s.groups > 1 && s.groups == s.inChannels && s.groups == s.outChannels;
}

/// Channels of a group.
[[gnu::always_inline]] inline int groupInputs(const ConvShape& s) { return s.inChannels / s.groups; }
[[gnu::always_inline]] inline int groupOutputs(const ConvShape& s) { return s.outChannels / s.groups; }

/// Whether the groups are views of the maps.
[[gnu::always_inline]] inline bool groupsAreBlocks(const ConvShape& s) {
  return s.groups == 1 || (groupInputs(s) % kLanes == 0 && groupOutputs(s) % kLanes == 0);
}

/// Whether the weights are also packed for Winograd's algorithm (conv_winograd.h), which fewer channels do not pay for.
/// The baseline level always sums directly: the other levels' accuracy is measured against it.
[[gnu::always_inline]] inline bool usesWinograd(const ConvShape& s) {
  constexpr int kLeastChannels = 16;
  return kWidth > 4 && groupsAreBlocks(s) && s.kernelH == 3 && s.kernelW == 3 && s.strideH == 1 && s.strideW == 1 &&
         s.dilationH == 1 && s.dilationW == 1 && groupInputs(s) >= kLeastChannels && groupOutputs(s) >= kLeastChannels;
}

/// Some blocks of a feature map: where interior pixel (0, 0) of the first lies, and strides in floats.
struct View {
  float* origin;
  ptrdiff_t image, block, row;
};

[[gnu::always_inline]] inline View viewOf(const FeatureMap& m, int firstBlock) {
  return {m.at(0, firstBlock, 0, 0), static_cast<ptrdiff_t>(m.imageStride()), static_cast<ptrdiff_t>(m.blockStride()),
          static_cast<ptrdiff_t>(m.rowStride())};
}

/// A feature map of c channels in scratch memory, halo zero; advances scratch.
[[gnu::always_inline]] inline FeatureMap scratchMap(const FeatureMap& like, int c, int halo, float*& scratch) {
  FeatureMap m{scratch, like.n, c, like.h, like.w, halo};
  std::memset(m.data, 0, m.floats() * sizeof(float));
  scratch += m.floats();
  return m;
}

// Depthwise convolution (conv_depthwise.cpp): weights packed [block][tap][16] in both directions.
size_t depthwisePackedSize(const ConvShape&);
void depthwisePack(const ConvShape&, const float* weight, float* packed);
void depthwiseForward(const ConvShape&, const FeatureMap& x, const float* packed, const float* bias,
                      const FeatureMap& y, double* sums, double* squares);
void depthwiseBackwardData(const ConvShape&, const FeatureMap& gy, const float* packed, const FeatureMap& gx,
                           bool accumulate);
void depthwiseBackwardWeights(const ConvShape&, const FeatureMap& x, const FeatureMap& gy, float* gw);

/// Σ y and Σ y² per channel of one block over batch and positions, in float64; 16 entries each.
void blockSums(const FeatureMap& y, int block, double* sums, double* squares);

}  // namespace eznas::EZNAS_ISA
