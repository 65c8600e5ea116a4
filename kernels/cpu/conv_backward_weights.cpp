// Convolution, gradient of the weights.
//
// For a pair of channel blocks and a tap, gw[in][out] is a sum over batch and positions of x · gy: an outer product of
// up to 16 × 16 that is kept in registers over a strip of rows, out along the register, x broadcast from memory.
// - Three taps of a kernel row at once (3 × 3, stride 1, AVX-512): 8 inputs × 3 taps = 24 accumulators. A column of x
//   meets the gy of three neighbouring pixels, which slide through registers: 8 broadcasts and 1 load for 24
//   multiply-adds, so the multiply-add units bind, not the two loads a cycle.
// - Otherwise one tap at a time: I inputs × G output blocks (8 × 2: 10 loads for 16 multiply-adds).
// A strip of rows of x and gy stays in the first-level cache while all taps and inputs pass over it; strips are added
// up in scratch in a fixed order, which also keeps the running sums short. At the end scratch, [in][tap][16 out], is
// transposed into the row-major gradient.
#include "kernels/cpu/conv.h"
#include "kernels/cpu/conv_tiles.h"
#include "kernels/cpu/transpose.h"

namespace eznas::EZNAS_ISA {
namespace {

#define UNROLL _Pragma("GCC unroll 64")

/// Accumulators of one kernel, at most.
inline constexpr int kAccumulators = kRegisters == 32 ? 24 : 12;
/// Inputs per kernel for three taps at once, and for one tap of `group` output blocks.
inline constexpr int kRowInputs = 8;
constexpr int maxInputs(int group) { return kWidth == 16 ? 16 / group : kAccumulators / kPerBlock; }
/// Bytes of x and gy in one strip of rows.
inline constexpr int kStripBytes = 32 * 1024;

/// One strip of rows of an image.
struct Strip {
  ptrdiff_t xRow, xCol, gyRow, gyBlock;
  int rows, cols;
  ptrdiff_t sumsInput, sumsTap, sumsBlock;  // strides in scratch
  bool first;                               // sums start from zero
};

/// I inputs, one tap, G output blocks.
template <int I, int G>
void oneTap(const Strip& k, const float* x, const float* gy, float* sums) {
  constexpr int kN = G * kPerBlock;
  Reg acc[I][kN];
  const auto at = [&](int i, int n) {
    return sums + i * k.sumsInput + n / kPerBlock * k.sumsBlock + n % kPerBlock * kWidth;
  };
  UNROLL for (int i = 0; i < I; ++i) {
    UNROLL for (int n = 0; n < kN; ++n) acc[i][n] = k.first ? Reg{} : loadReg(at(i, n));
  }
  for (int row = 0; row < k.rows; ++row, x += k.xRow, gy += k.gyRow) {
    const float* p = x;
    const float* q = gy;
    for (int col = 0; col < k.cols; ++col, p += k.xCol, q += kLanes) {
      Reg g[kN];
      UNROLL for (int n = 0; n < kN; ++n) g[n] = loadReg(q + n / kPerBlock * k.gyBlock + n % kPerBlock * kWidth);
      UNROLL for (int i = 0; i < I; ++i) { UNROLL for (int n = 0; n < kN; ++n) acc[i][n] += p[i] * g[n]; }
    }
  }
  UNROLL for (int i = 0; i < I; ++i) { UNROLL for (int n = 0; n < kN; ++n) storeReg(at(i, n), acc[i][n]); }
}

/// I inputs, the three taps of a kernel row, one output block; at least two columns.
template <int I>
void threeTaps(const Strip& k, const float* x, const float* gy, float* sums) {
  Reg acc[3][I];
  const auto at = [&](int j, int i) { return sums + i * k.sumsInput + j * k.sumsTap; };
  UNROLL for (int j = 0; j < 3; ++j) {
    UNROLL for (int i = 0; i < I; ++i) acc[j][i] = k.first ? Reg{} : loadReg(at(j, i));
  }
  for (int row = 0; row < k.rows; ++row, x += k.xRow, gy += k.gyRow) {
    const float* p = x;
    Reg a = loadReg(gy), b = loadReg(gy + kLanes);  // of the pixels two and one to the left
    UNROLL for (int i = 0; i < I; ++i) acc[0][i] += p[i] * a;
    p += kLanes;
    UNROLL for (int i = 0; i < I; ++i) acc[0][i] += p[i] * b, acc[1][i] += p[i] * a;
    p += kLanes;
    const float* q = gy + 2 * kLanes;
    for (const float* end = gy + k.cols * kLanes; q < end; p += kLanes, q += kLanes) {
      const Reg c = loadReg(q);
      UNROLL for (int i = 0; i < I; ++i) {
        const float v = p[i];
        acc[0][i] += v * c, acc[1][i] += v * b, acc[2][i] += v * a;
      }
      a = b, b = c;
    }
    UNROLL for (int i = 0; i < I; ++i) acc[1][i] += p[i] * b, acc[2][i] += p[i] * a;
    p += kLanes;
    UNROLL for (int i = 0; i < I; ++i) acc[2][i] += p[i] * b;
  }
  UNROLL for (int j = 0; j < 3; ++j) { UNROLL for (int i = 0; i < I; ++i) storeReg(at(j, i), acc[j][i]); }
}

using Kernel = void (*)(const Strip&, const float*, const float*, float*);

template <int G, int I = 1>
Kernel findOneTap(int inputs) {
  if (inputs == I) return oneTap<I, G>;
  if constexpr (I < maxInputs(G)) return findOneTap<G, I + 1>(inputs);
  __builtin_unreachable();
}

template <int I = 1>
Kernel findThreeTaps(int inputs) {
  if (inputs == I) return threeTaps<I>;
  if constexpr (I < kRowInputs) return findThreeTaps<I + 1>(inputs);
  __builtin_unreachable();
}

/// One group of channels of a convolution.
struct Group {
  const ConvShape& shape;
  View x, gy;
  int images, rows, cols;  // of gy
  int inputs, outputs;     // channels
  bool rowsOfTaps;         // three taps at once

  /// Scratch gains (or, for the first strip, becomes) the sums of the strip for input block b and G output blocks.
  template <int G>
  void addStrip(const Strip& k, const float* xs, const float* gys, int channels, float* sums) const {
    const int most = rowsOfTaps ? kRowInputs : maxInputs(G);
    const int parts = (channels + most - 1) / most;
    for (int part = 0; part < parts; ++part) {
      const int i = channels * part / parts, inputCount = channels * (part + 1) / parts - i;
      for (int ky = 0; ky < shape.kernelH; ++ky) {
        const float* p = xs + (ky * shape.dilationH - shape.padH) * x.row - shape.padW * kLanes + i;
        float* to = sums + i * k.sumsInput + ky * shape.kernelW * k.sumsTap;
        if (rowsOfTaps) {
          findThreeTaps(inputCount)(k, p, gys, to);
          continue;
        }
        for (int kx = 0; kx < shape.kernelW; ++kx, p += shape.dilationW * kLanes, to += k.sumsTap)
          findOneTap<G>(inputCount)(k, p, gys, to);
      }
    }
  }

  /// Gradient between input block ib and output blocks [ob, ob + G).
  template <int G>
  void run(int ib, int ob, float* gw, float* sums) const {
    const int taps = shape.kernelH * shape.kernelW, channels = channelsInBlock(inputs, ib);
    const ptrdiff_t rowBytes = (shape.strideH * x.row + G * gy.row) * static_cast<ptrdiff_t>(sizeof(float));
    const int height = static_cast<int>(larger<ptrdiff_t>(1, kStripBytes / rowBytes));
    const int strips = (rows + height - 1) / height;
    Strip k{.xRow = shape.strideH * x.row,
            .xCol = shape.strideW * kLanes,
            .gyRow = gy.row,
            .gyBlock = gy.block,
            .rows = 0,
            .cols = cols,
            .sumsInput = taps * kLanes,
            .sumsTap = kLanes,
            .sumsBlock = static_cast<ptrdiff_t>(taps) * kWeightBlock,
            .first = true};
    for (int n = 0; n < images; ++n) {
      for (int strip = 0; strip < strips; ++strip) {
        const int row = rows * strip / strips;
        k.rows = rows * (strip + 1) / strips - row;
        addStrip<G>(k, x.origin + n * x.image + ib * x.block + row * k.xRow,
                    gy.origin + n * gy.image + ob * gy.block + row * k.gyRow, channels, sums);
        k.first = false;
      }
    }
    for (int g = 0; g < G; ++g)
      writeGradient(sums + g * k.sumsBlock, channels * taps, channelsInBlock(outputs, ob + g),
                    gw + (static_cast<ptrdiff_t>(ob + g) * kLanes * inputs + ib * kLanes) * taps,
                    static_cast<ptrdiff_t>(inputs) * taps);
  }

  /// gw[o][e] = sums[e][o], e < entries, o < outs.
  static void writeGradient(const float* sums, int entries, int outs, float* gw, ptrdiff_t gwRow) {
    for (int e = 0; e < entries; e += kLanes, sums += kWeightBlock, gw += kLanes) {
      const auto read = [&](int row, int col) { return loadReg(sums + row * kLanes + col); };
      if (e + kLanes <= entries && outs == kLanes) {
        transposeBlock(read, [&](int row, int col, Reg v) { storeReg(gw + row * gwRow + col, v); });
        continue;
      }
      const int count = smaller(kLanes, entries - e);
      for (int o = 0; o < outs; ++o)
        for (int l = 0; l < count; ++l) gw[o * gwRow + l] = sums[l * kLanes + o];
    }
  }
};

}  // namespace

void convBackwardWeights(const ConvShape& s, const FeatureMap& x, const FeatureMap& gy, float* gw, float* gb,
                         float* scratch) {
  for (int b = 0; gb && b < gy.blocks(); ++b) {
    double sums[kLanes], squares[kLanes];
    blockSums(gy, b, sums, squares);
    for (int l = 0; l < channelsInBlock(gy.c, b); ++l) gb[b * kLanes + l] = static_cast<float>(sums[l]);
  }
  if (isDepthwise(s)) return depthwiseBackwardWeights(s, x, gy, gw);
  const int inputs = groupInputs(s), outputs = groupOutputs(s);
  const bool copies = !groupsAreBlocks(s);
  float* sums = scratch;
  scratch += static_cast<ptrdiff_t>(2) * s.kernelH * s.kernelW * kWeightBlock;
  FeatureMap in = x, out = gy;
  if (copies) {
    in = scratchMap(x, inputs, convInputHalo(s), scratch);
    out = scratchMap(gy, outputs, 0, scratch);
  }
  const bool rowsOfTaps = kWidth == 16 && s.kernelW == 3 && s.dilationW == 1 && s.strideW == 1 && gy.w >= 2;
  for (int g = 0; g < s.groups; ++g, gw += static_cast<ptrdiff_t>(outputs) * inputs * s.kernelH * s.kernelW) {
    if (copies) {
      copyRegion(x, g * inputs, 0, 0, in, 0, 0, 0, inputs, x.h, x.w, false);
      copyRegion(gy, g * outputs, 0, 0, out, 0, 0, 0, outputs, gy.h, gy.w, false);
    }
    const Group group{s,
                      viewOf(in, copies ? 0 : g * inputs / kLanes),
                      viewOf(out, copies ? 0 : g * outputs / kLanes),
                      gy.n,
                      gy.h,
                      gy.w,
                      inputs,
                      outputs,
                      rowsOfTaps};
    for (int ib = 0; ib < blocksOf(inputs); ++ib) {
      int ob = 0;
      if constexpr (kWidth == 16)
        for (; !rowsOfTaps && ob + 2 <= blocksOf(outputs); ob += 2) group.run<2>(ib, ob, gw, sums);
      for (; ob < blocksOf(outputs); ++ob) group.run<1>(ib, ob, gw, sums);
    }
  }
}

}  // namespace eznas::EZNAS_ISA
