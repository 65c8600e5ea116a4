// Dense convolution and its input gradient by Winograd's F(2×2, 3×3).
//
// Loops: chunk of tiles → transform all input blocks → output block pair → product (multiply: a matrix product of tiles
// × input channels × outputs) → transform to outputs. The weights of one product and pair of output blocks, and the
// inputs of the chunk that they meet, stay in the first-level cache; all inputs of a chunk in the second.
//
// Multiply keeps T tiles × G output blocks in accumulators: 24 registers with AVX-512 (12 × 2, 14 loads for 24
// multiply-adds, or 24 × 1), 12 with AVX2 (6 × 1). A transformation of one block costs 16 loads, 24 additions and 16
// stores a tile, of outputs 24 additions, against 256 multiply-adds of a pair of blocks.
//
// Not every finite sum has finite terms here (of large inputs), and infinities meet with both signs: a tile with an
// output that is not finite is computed directly. An output is finite only if all values it is made of were.
#include "kernels/cpu/conv_winograd.h"

#include "kernels/cpu/moments.h"

namespace eznas::EZNAS_ISA {
namespace {

#define UNROLL _Pragma("GCC unroll 64")

/// Tiles of a chunk, at most: the products of one block and inputs of another fill a first-level cache of 48 KiB.
constexpr int kWinogradTiles = 24;
/// Floats between the products of a chunk's tiles, and of all products of one block: [16 products][tile][16 channels].
constexpr ptrdiff_t kWinogradProduct = kWinogradTiles * kLanes;
constexpr ptrdiff_t kWinogradPart = kWinogradProducts * kWinogradProduct;

/// Half-open range of tiles.
struct WinogradChunk {
  ptrdiff_t first, end;
};

/// Calls f(chunk) for chunks of equal size, give or take one tile.
template <class F>
[[gnu::always_inline]] inline void forEachChunk(const Sweep& s, F f) {
  const ptrdiff_t tiles = static_cast<ptrdiff_t>(s.images) * ((s.rows + 1) / 2) * ((s.cols + 1) / 2);
  const ptrdiff_t chunks = (tiles + kWinogradTiles - 1) / kWinogradTiles;
  for (ptrdiff_t c = 0; c < chunks; ++c) f(WinogradChunk{c * tiles / chunks, (c + 1) * tiles / chunks});
}

/// Calls f(image, tile row, tile column, count, index in the chunk) for every run of tiles side by side.
template <class F>
[[gnu::always_inline]] inline void forEachSegment(const Sweep& s, const WinogradChunk& chunk, F f) {
  const int rows = (s.rows + 1) / 2, cols = (s.cols + 1) / 2;
  for (ptrdiff_t t = chunk.first; t < chunk.end;) {
    const int col = static_cast<int>(t % cols), row = static_cast<int>(t / cols % rows);
    const int count = static_cast<int>(smaller<ptrdiff_t>(cols - col, chunk.end - t));
    f(t / cols / rows, row, col, count, t - chunk.first);
    t += count;
  }
}

/// Output blocks of one matrix product, at most, and tiles of one with `group` output blocks.
inline constexpr int kMaxGroup = kWidth == 16 ? 2 : 1;
constexpr int maxTiles(int group) { return (kRegisters == 32 ? 24 : 12) / (kPerBlock * group); }

/// What the matrix products of a chunk share.
struct Operands {
  int inBlocks, lastChannels;  // input blocks, and channels of the last
  ptrdiff_t weightGroup;       // floats between output blocks
};

/// products[out block][tile][16 out] = Σ inputs[in block][tile][i] · weights[out block][in block][i][16 out], for T
/// tiles and G output blocks.
template <int T, int G>
void multiply(const Operands& k, const float* inputs, const float* weights, float* products) {
  constexpr int kN = G * kPerBlock;
  Reg acc[T][kN];
  UNROLL for (int t = 0; t < T; ++t) { UNROLL for (int n = 0; n < kN; ++n) acc[t][n] = Reg{}; }
  for (int b = 0; b < k.inBlocks; ++b, inputs += kWinogradPart) {
    const float* p = inputs;
    const float* end = p + (b + 1 == k.inBlocks ? k.lastChannels : kLanes);
    for (; p < end; ++p, weights += kLanes) {
      Reg w[kN];
      UNROLL for (int n = 0; n < kN; ++n) w[n] =
          loadReg(weights + n / kPerBlock * k.weightGroup + n % kPerBlock * kWidth);
      UNROLL for (int t = 0; t < T; ++t) {
        const float v = p[t * kLanes];
        UNROLL for (int n = 0; n < kN; ++n) acc[t][n] += v * w[n];
      }
    }
  }
  UNROLL for (int t = 0; t < T; ++t) {
    UNROLL for (int n = 0; n < kN; ++n)
        storeReg(products + n / kPerBlock * kWinogradPart + t * kLanes + n % kPerBlock * kWidth, acc[t][n]);
  }
}

using Multiply = void (*)(const Operands&, const float*, const float*, float*);

template <int G, int T = 1>
Multiply findMultiply(int tiles) {
  if (tiles == T) return multiply<T, G>;
  if constexpr (T < maxTiles(G)) return findMultiply<G, T + 1>(tiles);
  __builtin_unreachable();
}

/// All 16 products of a chunk's tiles with G output blocks.
template <int G>
void multiplyChunk(const Operands& k, const float* inputs, int tiles, const float* weights, float* products) {
  const int parts = (tiles + maxTiles(G) - 1) / maxTiles(G);
  const int least = tiles / parts, wide = tiles % parts;  // `wide` parts of one tile more than the others
  const Multiply narrowPart = findMultiply<G>(least), widePart = findMultiply<G>(wide > 0 ? least + 1 : least);
  for (int product = 0; product < kWinogradProducts; ++product) {
    const float* from = inputs + product * kWinogradProduct;
    float* to = products + product * kWinogradProduct;
    for (int part = 0; part < parts; ++part) {
      (part < wide ? widePart : narrowPart)(k, from, weights, to);
      const int count = part < wide ? least + 1 : least;
      from += count * kLanes, to += count * kLanes;
    }
    weights += static_cast<ptrdiff_t>(k.inBlocks) * kWeightBlock;
  }
}

/// Transforms a chunk's inputs of one block into to[16 products][tile][16].
void transformInputs(const Sweep& s, const WinogradChunk& chunk, int block, float* to) {
  forEachSegment(s, chunk, [&](ptrdiff_t image, int row, int col, int count, ptrdiff_t index) {
    const float* x = s.x + image * s.xImage + block * s.xBlock + 2 * row * s.xRow + 2 * col * kLanes;
    // The last row of tiles may lack its fourth row of inputs, which then meets no output; the last column reads on.
    const ptrdiff_t below[4] = {0, s.xRow, 2 * s.xRow, (2 * row + 2 <= s.rows ? 3 : 2) * s.xRow};
    for (int r = 0; r < kLanes; r += kWidth) {
      UNROLL for (int i = 0; i < 4; ++i) {
        const auto column = [&](ptrdiff_t c) {
          const auto at = [&](int k) { return loadReg(x + below[k] + c * kLanes + r); };
          return i == 0 ? at(0) - at(2) : i == 1 ? at(1) + at(2) : i == 2 ? at(2) - at(1) : at(1) - at(3);
        };
        Reg c0 = column(0), c1 = column(1);  // shared with the tile to the left
        float* v = to + 4 * i * kWinogradProduct + index * kLanes + r;
        for (int t = 0; t < count; ++t, v += kLanes) {
          const Reg c2 = column(2 * t + 2), c3 = column(2 * t + 3);
          storeReg(v, c0 - c2);
          storeReg(v + kWinogradProduct, c1 + c2);
          storeReg(v + 2 * kWinogradProduct, c2 - c1);
          storeReg(v + 3 * kWinogradProduct, c1 - c3);
          c0 = c2, c1 = c3;
        }
      }
    }
  });
}

/// The outputs of one tile and block.
struct Outputs {
  Reg y[2][2][kPerBlock];
};

/// Of products m, per axis: m0 + m1 + m2 and m1 − m2 − m3.
[[gnu::always_inline]] inline Outputs transformProducts(const float* products) {
  Outputs out;
  UNROLL for (int r = 0; r < kPerBlock; ++r) {
    Reg rows[2][4];
    UNROLL for (int j = 0; j < 4; ++j) {
      const auto at = [&](int i) { return loadReg(products + (4 * i + j) * kWinogradProduct + r * kWidth); };
      const Reg m1 = at(1), m2 = at(2);
      rows[0][j] = at(0) + (m1 + m2);
      rows[1][j] = (m1 - m2) - at(3);
    }
    UNROLL for (int i = 0; i < 2; ++i) {
      out.y[i][0][r] = rows[i][0] + (rows[i][1] + rows[i][2]);
      out.y[i][1][r] = (rows[i][1] - rows[i][2]) - rows[i][3];
    }
  }
  return out;
}

/// One output block of a sweep.
struct OutputBlock {
  const Sweep& s;
  int block;
  const float* bias;  // of its channels, or nullptr
  bool accumulate;
  Reg start[kPerBlock];
  RegInt mask[kPerBlock];

  OutputBlock(const Sweep& sweep, int o, const float* biases, bool adds)
      : s(sweep), block(o), bias(biases == nullptr ? nullptr : biases + o * kLanes), accumulate(adds) {
    for (int r = 0; r < kPerBlock; ++r) {
      mask[r] = laneMask(s.outChannels, block, r);
      for (int l = 0; l < kWidth; ++l) start[r][l] = bias && mask[r][l] ? bias[r * kWidth + l] : 0.0f;
    }
  }

  /// Writes the outputs of a chunk's tiles.
  void write(const WinogradChunk& chunk, const float* products) const {
    forEachSegment(s, chunk, [&](ptrdiff_t image, int row, int col, int count, ptrdiff_t index) {
      const float* p = products + index * kLanes;
      const int h = smaller(2, s.rows - 2 * row);
      for (const int end = col + count; col < end; ++col, p += kLanes) {
        const Outputs out = transformProducts(p);
        float* y = s.y + image * s.yImage + block * s.yBlock + 2 * row * s.yRow + 2 * col * s.yCol;
        const int w = smaller(2, s.cols - 2 * col);
        if (!(h == 2 && w == 2 ? store(out, 2, 2, y) : store(out, h, w, y))) computeDirectly(image, row, col, h, w, y);
      }
    });
  }

  /// Stores the first h × w outputs of a tile, unless they are not finite (or their sum is not, which does no harm).
  [[gnu::always_inline]] bool store(const Outputs& out, int h, int w, float* y) const {
    Reg total{};
    for (int i = 0; i < h; ++i) {
      for (int j = 0; j < w; ++j) {
        UNROLL for (int r = 0; r < kPerBlock; ++r) total += out.y[i][j][r];
      }
    }
    if (__builtin_expect(anySet(total - total != 0), false)) return false;
    for (int i = 0; i < h; ++i) {
      for (int j = 0; j < w; ++j) {
        float* to = y + i * s.yRow + j * s.yCol;
        UNROLL for (int r = 0; r < kPerBlock; ++r) {
          const Reg before = accumulate ? loadReg(to + r * kWidth) : start[r];
          storeReg(to + r * kWidth, masked(before + out.y[i][j][r], mask[r]));
        }
      }
    }
    return true;
  }

  void computeDirectly(ptrdiff_t image, int row, int col, int h, int w, float* y) const {
    Sweep tile = s;
    tile.x += image * s.xImage + 2 * row * s.xRow + 2 * col * s.xCol;
    tile.y = y;
    tile.images = 1, tile.rows = h, tile.cols = w, tile.outChannels = channelsInBlock(s.outChannels, block);
    tile.weights += block * directPackedSize(s.inChannels, kLanes);
    tile.winograd = nullptr;
    runSweep(tile, bias, accumulate, nullptr, nullptr);
  }
};

}  // namespace

size_t winogradScratchSize(int inChannels) {
  return static_cast<size_t>(blocksOf(inChannels) + kMaxGroup) * kWinogradPart;  // inputs of one chunk, and products
}

void winogradPack(int inChannels, int outChannels, const float* direct, float* packed) {
  const ptrdiff_t product = static_cast<ptrdiff_t>(blocksOf(inChannels)) * kWeightBlock;
  // Per axis: g0, (g0 + g1 + g2) / 2, (g0 − g1 + g2) / 2, g2.
  const auto part = [](int i, Reg g0, Reg g1, Reg g2) {
    return i == 0 ? g0 : i == 1 ? 0.5f * ((g0 + g2) + g1) : i == 2 ? 0.5f * ((g0 + g2) - g1) : g2;
  };
  for (int o = 0; o < blocksOf(outChannels); ++o, packed += (kWinogradProducts - 1) * product) {
    for (int b = 0; b < blocksOf(inChannels); ++b, direct += 9 * kWeightBlock, packed += kWeightBlock) {
      for (int e = 0; e < kWeightBlock; e += kWidth) {
        const auto tap = [&](int row, int col) { return loadReg(direct + (3 * row + col) * kWeightBlock + e); };
        UNROLL for (int i = 0; i < 4; ++i) {
          Reg row[3];
          UNROLL for (int c = 0; c < 3; ++c) row[c] = part(i, tap(0, c), tap(1, c), tap(2, c));
          UNROLL for (int j = 0; j < 4; ++j)
              storeReg(packed + (4 * i + j) * product + e, part(j, row[0], row[1], row[2]));
        }
      }
    }
  }
}

void runWinograd(const Sweep& s, const float* bias, bool accumulate, double* sums, double* squares) {
  const int inBlocks = blocksOf(s.inChannels), outBlocks = blocksOf(s.outChannels);
  const ptrdiff_t weightGroup = static_cast<ptrdiff_t>(kWinogradProducts) * inBlocks * kWeightBlock;
  const Operands operands{inBlocks, channelsInBlock(s.inChannels, inBlocks - 1), weightGroup};
  float *const inputs = s.scratch, *const products = inputs + inBlocks * kWinogradPart;
  forEachChunk(s, [&](const WinogradChunk& chunk) {
    const int tiles = static_cast<int>(chunk.end - chunk.first);
    for (int b = 0; b < inBlocks; ++b) transformInputs(s, chunk, b, inputs + b * kWinogradPart);
    for (int o = 0; o < outBlocks; o += kMaxGroup) {
      const int group = smaller(kMaxGroup, outBlocks - o);
      (group == 1 ? multiplyChunk<1> : multiplyChunk<kMaxGroup>)(operands, inputs, tiles, s.winograd + o * weightGroup,
                                                                 products);
      for (int g = 0; g < group; ++g)
        OutputBlock(s, o + g, bias, accumulate).write(chunk, products + g * kWinogradPart);
    }
  });
  for (int o = 0; sums && o < outBlocks; ++o) {
    const double noShift[kLanes]{};
    Moments moments;
    for (int i = 0; i < s.images; ++i)
      for (int row = 0; row < s.rows; ++row)
        moments.addSquares(s.y + i * s.yImage + o * s.yBlock + row * s.yRow, s.yCol, s.cols, noShift);
    double total[kLanes], square[kLanes];
    moments.totals(total, square);
    for (int l = 0; l < channelsInBlock(s.outChannels, o); ++l) {
      sums[o * kLanes + l] = total[l];
      squares[o * kLanes + l] = square[l];
    }
  }
}

}  // namespace eznas::EZNAS_ISA
