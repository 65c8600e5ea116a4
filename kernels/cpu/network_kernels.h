#pragma once
#include <cstddef>
#include <cstdint>

namespace eznas {

// Inline functions of this header are compiled at every SIMD level: forced inline, so that the linker never keeps the
// copy of a wide level for a narrow one.

/// Channels per block: one AVX-512 register of float32. Narrower levels split a block over several registers.
inline constexpr int kLanes = 16;
/// Floats that kernels may read (never write, never use) past the end of a feature map's storage: tails of register
/// tiles.
inline constexpr size_t kReadSlack = 2048;

/// A batch of feature maps, layout [n][blocks][h + 2·halo][w + 2·halo][16]; `data` points at the storage start (the
/// halo's first corner). Invariant between operations: lanes past c and the whole halo are zero. Kernels write the
/// interior only and keep lanes past c zero.
struct FeatureMap {
  float* data = nullptr;
  int n = 0, c = 0, h = 0, w = 0, halo = 0;

  [[gnu::always_inline]] int blocks() const { return (c + kLanes - 1) / kLanes; }
  [[gnu::always_inline]] size_t rowStride() const { return static_cast<size_t>(w + 2 * halo) * kLanes; }
  [[gnu::always_inline]] size_t blockStride() const { return (h + 2 * halo) * rowStride(); }
  [[gnu::always_inline]] size_t imageStride() const { return blocks() * blockStride(); }
  [[gnu::always_inline]] size_t floats() const { return n * imageStride(); }
  /// Interior pixel (y, x) of block b of image i; y and x may reach into the halo.
  [[gnu::always_inline]] float* at(int i, int b, int y, int x) const {
    return data + i * imageStride() + b * blockStride() + (y + halo) * static_cast<ptrdiff_t>(rowStride()) +
           (x + halo) * static_cast<ptrdiff_t>(kLanes);
  }
};

struct ConvShape {
  int inChannels = 0, outChannels = 0, groups = 1;
  int kernelH = 1, kernelW = 1, strideH = 1, strideW = 1, padH = 0, padW = 0, dilationH = 1, dilationW = 1;
  [[gnu::always_inline]] int outH(int h) const { return (h + 2 * padH - dilationH * (kernelH - 1) - 1) / strideH + 1; }
  [[gnu::always_inline]] int outW(int w) const { return (w + 2 * padW - dilationW * (kernelW - 1) - 1) / strideW + 1; }
};

struct PoolShape {
  int kernelH = 1, kernelW = 1, strideH = 1, strideW = 1, padH = 0, padW = 0;
  bool countPadding = true;  // average pooling only
};

/// max(0, x); min(max(0, x), 6); x · hardSigmoid(x); min(max(0, x + 3), 6) / 6; 1 / (1 + e^−x).
enum class Activation { relu, relu6, hardSwish, hardSigmoid, sigmoid };

/// The CPU kernels of one SIMD level. All are single-threaded (networks run in parallel, not layers), deterministic,
/// keep NaN and Inf as IEEE does, and allocate nothing: scratch comes from the caller.
struct NetworkKernels {
  // ---- convolution: kernels/cpu/conv*.cpp -------------------------------------------------------------------------
  /// Halo that x needs for forward and backwardWeights, and that gy needs for backwardData.
  int (*convInputHalo)(const ConvShape&);
  int (*convGradientHalo)(const ConvShape&);
  /// Floats of the packed weights for the forward pass / for backwardData, and of the scratch any of the calls below
  /// may use.
  size_t (*convPackedSize)(const ConvShape&);
  size_t (*convScratchSize)(const ConvShape&, int n, int h, int w);
  /// weight: Cout × Cin/groups × kh × kw, row-major.
  void (*convPackForward)(const ConvShape&, const float* weight, float* packed);
  void (*convPackBackward)(const ConvShape&, const float* weight, float* packed);
  /// y = conv(x) + bias (bias of Cout floats, or nullptr). When sums is not nullptr, adds nothing but writes per output
  /// channel sums[c] = Σ y and squares[c] = Σ y² over batch and positions, in float64 (for the batch normalization that
  /// follows).
  void (*convForward)(const ConvShape&, const FeatureMap& x, const float* packed, const float* bias,
                      const FeatureMap& y, double* sums, double* squares, float* scratch);
  /// gx = (accumulate ? gx : 0) + convᵀ(gy).
  void (*convBackwardData)(const ConvShape&, const FeatureMap& gy, const float* packed, const FeatureMap& gx,
                           bool accumulate, float* scratch);
  /// gw (row-major as weight) = gradient; gb (Cout, or nullptr) = Σ gy.
  void (*convBackwardWeights)(const ConvShape&, const FeatureMap& x, const FeatureMap& gy, float* gw, float* gb,
                              float* scratch);

  // ---- batch normalization: kernels/cpu/batch_norm.cpp; all channel arrays have 16·blocks entries ------------------
  /// Per channel mean and biased variance over batch and positions, in float64.
  void (*batchStatistics)(const FeatureMap& x, double* mean, double* variance);
  /// y = (x − mean) · inverseStd · scale + shift; scale and shift may be nullptr (1 and 0).
  void (*normalizeForward)(const FeatureMap& x, const float* mean, const float* inverseStd, const float* scale,
                           const float* shift, const FeatureMap& y);
  /// Training-mode gradient: gx = (accumulate ? gx : 0) + …; gScale, gShift per channel (may be nullptr).
  void (*normalizeBackward)(const FeatureMap& x, const FeatureMap& gy, const float* mean, const float* inverseStd,
                            const float* scale, const FeatureMap& gx, bool accumulate, float* gScale, float* gShift);

  // ---- elementwise: kernels/cpu/elementwise.cpp; operands may have different halos ---------------------------------
  void (*fill)(const FeatureMap& y, float value);  // interior, lanes past c stay zero
  void (*copy)(const FeatureMap& x, const FeatureMap& y, bool accumulate);
  void (*sum)(const FeatureMap* inputs, int count, const FeatureMap& y);
  /// y = x ⊙ factor + (accumulate ? y : 0); the factor has x's extents, or is 1 × 1: a number per image and channel.
  void (*multiply)(const FeatureMap& x, const FeatureMap& factor, const FeatureMap& y, bool accumulate);
  /// The gradient of a 1 × 1 factor: gFactor = Σ over positions of x · gy, in float64, + (accumulate ? gFactor : 0).
  void (*productSums)(const FeatureMap& x, const FeatureMap& gy, const FeatureMap& gFactor, bool accumulate);
  /// y[:, yc … yc + count) (+)= x[:, xc … xc + count) at offset (dy, dx) into x (slice) or into y (its gradient):
  /// concat, slice and their gradients. Ranges need not be multiples of 16. Interiors of the common extent h × w.
  void (*copyRegion)(const FeatureMap& x, int xc, int xy, int xx, const FeatureMap& y, int yc, int yy, int yx,
                     int count, int h, int w, bool accumulate);

  // ---- activations: kernels/cpu/activation.cpp ---------------------------------------------------------------------
  /// y = f(x), on the pieces of f that the numbers of `pieces`, x itself as a rule, are on.
  void (*activate)(Activation, const FeatureMap& x, const FeatureMap& pieces, const FeatureMap& y);
  /// gx = (accumulate ? gx : 0) + gy ⊙ f′, read off `x` on the pieces of `pieces`: the activation's input for hard
  /// swish and hard sigmoid, its output for the others, for both of them where a network runs freely. At a kink f′ is
  /// that of the constant or straight piece.
  void (*activateBackward)(Activation, const FeatureMap& x, const FeatureMap& pieces, const FeatureMap& gy,
                           const FeatureMap& gx, bool accumulate);

  // ---- pooling: kernels/cpu/pooling.cpp ----------------------------------------------------------------------------
  /// argmax: [n][blocks][outH][outW][16] flat input positions iy·w + ix of the first maximum (PyTorch's rule; NaN
  /// wins).
  void (*maxPoolForward)(const PoolShape&, const FeatureMap& x, const FeatureMap& y, int32_t* argmax);
  void (*maxPoolBackward)(const PoolShape&, const FeatureMap& gy, const int32_t* argmax, const FeatureMap& gx,
                          bool accumulate);
  void (*avgPoolForward)(const PoolShape&, const FeatureMap& x, const FeatureMap& y);
  void (*avgPoolBackward)(const PoolShape&, const FeatureMap& gy, const FeatureMap& gx, bool accumulate);
  /// Mean over positions; y is n × c × 1 × 1.
  void (*globalPoolForward)(const FeatureMap& x, const FeatureMap& y);
  void (*globalPoolBackward)(const FeatureMap& gy, const FeatureMap& gx, bool accumulate);

  // ---- linear: kernels/cpu/linear.cpp; x is flattened channel-major (c·h·w), y is n × features × 1 × 1
  // ---------------
  /// weight: features × (c·h·w) row-major; bias of features floats or nullptr.
  void (*linearForward)(const FeatureMap& x, const float* weight, const float* bias, const FeatureMap& y,
                        float* scratch);
  void (*linearBackward)(const FeatureMap& x, const FeatureMap& gy, const float* weight, const FeatureMap* gx,
                         bool accumulate, float* gw, float* gb, float* scratch);
  size_t (*linearScratchSize)(const FeatureMap& x, int features);

  // ---- layout: kernels/cpu/layout.cpp; plain is [n][c][h][w] row-major ----------------------------------------------
  void (*pack)(const float* plain, const FeatureMap& y);
  /// plain = x, or x − base where base (same plain layout) is not nullptr.
  void (*unpack)(const FeatureMap& x, const float* base, float* plain);
  /// plain = gy ⊙ [x > 0], less base where given: the gradient at a ReLU's input, recorded without a feature map of its
  /// own.
  void (*unpackMasked)(const FeatureMap& gy, const FeatureMap& x, const float* base, float* plain);

  // ---- signs: kernels/cpu/sign_patterns.cpp ------------------------------------------------------------------------
  /// Words that one image's signs take.
  size_t (*signWords)(const FeatureMap& x);
  /// A bit for each number of one image, set where it is positive; bits of no number are 0. The order of the bits is
  /// the same for all maps of one shape.
  void (*packSigns)(const FeatureMap& x, int image, uint64_t* words);
  uint64_t (*differingBits)(const uint64_t* a, const uint64_t* b, size_t words);
};

}  // namespace eznas
