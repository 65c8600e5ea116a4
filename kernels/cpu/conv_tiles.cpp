// Dense convolution in register tiles.
//
// Loops: output block pair → image → chunk of input blocks → tile of pixels → input block → tap → input channel. A
// chunk's weights (up to 20 KB, one input block of a 3 × 3 kernel for two output blocks) stay in the first-level cache
// while all tiles of an image pass; sums go through y between chunks.
// A tile keeps R × C pixels × G output blocks in accumulators: 16 registers with AVX-512 (8 pixels × 2 blocks, or 16 ×
// 1 where one block is left), which is twice what two multiply-adds a cycle at a latency of 4 need; 12 with AVX2 and
// SSE, 24 on NEON. Per input channel it loads G weight registers and broadcasts P inputs for P · G multiply-adds: 10
// loads for 16 at G = 2, but 17 for 16 at G = 1, more than two loads a cycle can bring. Hence three taps of a kernel
// row at once where they are neighbours (3 × 3, stride 1): every input column is broadcast once and meets three
// weights, 18 + 3 loads for 48 multiply-adds. Narrow maps fill tiles with 2 or 4 rows; rows are cut into tiles of equal
// width, give or take one column. The last input block stops at its last channel, so the stem's 3 channels cost 3, and
// lanes past the last output channel are cleared, whatever 0 · Inf made of them.
#include "kernels/cpu/conv_tiles.h"

#include "kernels/cpu/conv_winograd.h"
#include "kernels/cpu/moments.h"

namespace eznas::EZNAS_ISA {
namespace {

#define UNROLL _Pragma("GCC unroll 64")

/// Output blocks of one tile, at most.
inline constexpr int kMaxGroup = kWidth == 16 ? 2 : 1;
/// Pixels of one tile of `group` output blocks, at most.
constexpr int maxPixels(int group) {
  return kWidth == 16 ? 16 / group : kRegisters == 16 ? 12 / kPerBlock : 24 / kPerBlock;
}
/// Bytes of weights that one chunk of input blocks may take: they stay in the first-level cache while all tiles of an
/// image pass.
inline constexpr int kChunkBytes = 20 * 1024;

/// What the tiles of one chunk of input blocks share.
struct Chunk {
  ptrdiff_t xBlock, xRow, tapRow, tapCol, yBlock, yRow, yCol;
  int blocks, lastChannels;  // input blocks, and channels of the last
  int tapRows, tapCols;
  const float* weights;
  ptrdiff_t weightGroup;  // between output blocks
  const float* init;      // 16 · group floats to start from; nullptr: from y
  const int32_t* mask;    // 16 · group lane masks
};

/// R × C output pixels of G blocks; input pixels of neighbouring columns are S · 16 floats apart. Row3: the three taps
/// of a kernel row at once.
template <int R, int C, int G, int S, bool Row3>
void tile(const Chunk& k, const float* x, float* y) {
  constexpr int kN = G * kPerBlock;
  Reg acc[R][C][kN];
  const auto output = [&](int r, int c, int n) {
    return y + r * k.yRow + c * k.yCol + n / kPerBlock * k.yBlock + n % kPerBlock * kWidth;
  };
  UNROLL for (int r = 0; r < R; ++r) {
    UNROLL for (int c = 0; c < C; ++c) {
      UNROLL for (int n = 0; n < kN; ++n) acc[r][c][n] = loadReg(k.init ? k.init + n * kWidth : output(r, c, n));
    }
  }
  const float* w = k.weights;
  for (int b = 0; b < k.blocks; ++b, x += k.xBlock) {
    const int channels = b + 1 == k.blocks ? k.lastChannels : kLanes;
    const float* row = x;
    for (int ky = 0; ky < k.tapRows; ++ky, row += k.tapRow) {
      if constexpr (Row3) {
        const float* p = row;
        for (const float* end = p + channels; p < end; ++p, w += kLanes) {
          Reg tap[3][kN];
          UNROLL for (int j = 0; j < 3; ++j) {
            UNROLL for (int n = 0; n < kN; ++n) tap[j][n] =
                loadReg(w + n / kPerBlock * k.weightGroup + j * kWeightBlock + n % kPerBlock * kWidth);
          }
          UNROLL for (int r = 0; r < R; ++r) {
            UNROLL for (int c = 0; c < C + 2; ++c) {
              const float v = p[r * k.xRow + c * kLanes];
              UNROLL for (int j = 0; j < 3; ++j) {
                if (c - j >= 0 && c - j < C) {
                  UNROLL for (int n = 0; n < kN; ++n) acc[r][c - j][n] += v * tap[j][n];
                }
              }
            }
          }
        }
        w += (kLanes - channels) * kLanes + 2 * kWeightBlock;
      } else {
        const float* column = row;
        for (int kx = 0; kx < k.tapCols; ++kx, column += k.tapCol) {
          const float* p = column;
          for (const float* end = p + channels; p < end; ++p, w += kLanes) {
            Reg tap[kN];
            UNROLL for (int n = 0; n < kN; ++n) tap[n] =
                loadReg(w + n / kPerBlock * k.weightGroup + n % kPerBlock * kWidth);
            UNROLL for (int r = 0; r < R; ++r) {
              UNROLL for (int c = 0; c < C; ++c) {
                const float v = p[r * k.xRow + c * S * kLanes];
                UNROLL for (int n = 0; n < kN; ++n) acc[r][c][n] += v * tap[n];
              }
            }
          }
          w += (kLanes - channels) * kLanes;
        }
      }
    }
  }
  UNROLL for (int n = 0; n < kN; ++n) {
    const RegInt mask = loadAs<RegInt>(k.mask + n * kWidth);
    UNROLL for (int r = 0; r < R; ++r) {
      UNROLL for (int c = 0; c < C; ++c) storeReg(output(r, c, n), masked(acc[r][c][n], mask));
    }
  }
}

using Tile = void (*)(const Chunk&, const float*, float*);

/// The tile of `rows` × `cols` pixels; rows is 1, 2 or 4 and rows · cols at most maxPixels(G).
template <int G, int S, bool Row3, int C = 1>
Tile findTile(int rows, int cols) {
  constexpr int kMax = maxPixels(G);
  if (cols == C) {
    if constexpr (4 * C <= kMax) {
      if (rows == 4) return tile<4, C, G, S, Row3>;
    }
    if constexpr (2 * C <= kMax) {
      if (rows == 2) return tile<2, C, G, S, Row3>;
    }
    return tile<1, C, G, S, Row3>;
  }
  if constexpr (C < kMax) return findTile<G, S, Row3, C + 1>(rows, cols);
  __builtin_unreachable();
}

template <int G>
Tile findTile(const Sweep& s, int rows, int cols) {
  if constexpr (kWidth == 16) {
    if (s.tapCols == 3 && s.tapCol == kLanes && s.xCol == kLanes) return findTile<G, 1, true>(rows, cols);
  }
  return s.xCol == 2 * kLanes ? findTile<G, 2, false>(rows, cols) : findTile<G, 1, false>(rows, cols);
}

/// All tiles of one image and chunk.
template <int G>
void sweepImage(const Sweep& s, const Chunk& k, const float* x, float* y) {
  const int widest = s.xCol == kLanes || s.xCol == 2 * kLanes ? maxPixels(G) : 1;
  const int tiles = (s.cols + widest - 1) / widest;  // per row: `wide` of one column more than the others
  const int least = s.cols / tiles, wide = s.cols % tiles, most = wide > 0 ? least + 1 : least;
  for (int row = 0; row < s.rows;) {
    int rows = 1;
    while (rows < 4 && 2 * rows * most <= maxPixels(G) && row + 2 * rows <= s.rows) rows *= 2;
    const Tile narrowTile = findTile<G>(s, rows, least), wideTile = findTile<G>(s, rows, most);
    do {  // all further groups of as many rows
      const float* from = x + row * s.xRow;
      float* to = y + row * s.yRow;
      for (int t = 0; t < tiles; ++t) {
        (t < wide ? wideTile : narrowTile)(k, from, to);
        const int cols = t < wide ? most : least;
        from += cols * s.xCol, to += cols * s.yCol;
      }
      row += rows;
    } while (row + rows <= s.rows);
  }
}

/// All images for output blocks [first, first + G).
template <int G>
void sweepGroup(const Sweep& s, int first, const float* bias, bool accumulate, double* sums, double* squares) {
  const int inBlocks = blocksOf(s.inChannels), taps = s.tapRows * s.tapCols;
  float init[G * kLanes];
  int32_t mask[G * kLanes];
  Moments moments[G];
  const double noShift[kLanes]{};
  const int channels = smaller(G * kLanes, s.outChannels - first * kLanes);
  for (int l = 0; l < G * kLanes; ++l) {
    init[l] = bias && l < channels ? bias[first * kLanes + l] : 0.0f;
    mask[l] = l < channels ? -1 : 0;
  }
  const int step = larger(1, kChunkBytes / (G * larger(1, taps) * kWeightBlock * static_cast<int>(sizeof(float))));
  Chunk k{.xBlock = s.xBlock,
          .xRow = s.xRow,
          .tapRow = s.tapRow,
          .tapCol = s.tapCol,
          .yBlock = s.yBlock,
          .yRow = s.yRow,
          .yCol = s.yCol,
          .blocks = 0,
          .lastChannels = 0,
          .tapRows = s.tapRows,
          .tapCols = s.tapCols,
          .weights = nullptr,
          .weightGroup = static_cast<ptrdiff_t>(inBlocks) * taps * kWeightBlock,
          .init = nullptr,
          .mask = mask};
  for (int i = 0; i < s.images; ++i) {
    float* y = s.y + i * s.yImage + first * s.yBlock;
    for (int b = 0; b < inBlocks; b += step) {
      k.blocks = smaller(step, inBlocks - b);
      k.lastChannels = channelsInBlock(s.inChannels, b + k.blocks - 1);
      k.weights = s.weights + first * k.weightGroup + static_cast<ptrdiff_t>(b) * taps * kWeightBlock;
      k.init = b == 0 && !accumulate ? init : nullptr;
      sweepImage<G>(s, k, s.x + i * s.xImage + b * s.xBlock, y);
    }
    for (int g = 0; sums && g < G; ++g)
      for (int row = 0; row < s.rows; ++row)
        moments[g].addSquares(y + g * s.yBlock + row * s.yRow, s.yCol, s.cols, noShift);
  }
  if (sums == nullptr) return;
  for (int g = 0; g < G; ++g) {
    double total[kLanes], square[kLanes];
    moments[g].totals(total, square);
    for (int l = 0; l < smaller(kLanes, channels - g * kLanes); ++l) {
      sums[(first + g) * kLanes + l] = total[l];
      squares[(first + g) * kLanes + l] = square[l];
    }
  }
}

}  // namespace

void runSweep(const Sweep& s, const float* bias, bool accumulate, double* sums, double* squares) {
  if (s.rows == 0 || s.cols == 0) return;
  if (s.winograd != nullptr && winogradPays(s.rows, s.cols)) return runWinograd(s, bias, accumulate, sums, squares);
  const int outBlocks = blocksOf(s.outChannels);
  int first = 0;
  if constexpr (kMaxGroup == 2)
    for (; first + 2 <= outBlocks; first += 2) sweepGroup<2>(s, first, bias, accumulate, sums, squares);
  for (; first < outBlocks; ++first) sweepGroup<1>(s, first, bias, accumulate, sums, squares);
}

}  // namespace eznas::EZNAS_ISA
