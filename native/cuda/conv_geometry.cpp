#include "native/cuda/conv_geometry.h"

#include <algorithm>
#include <limits>

#include "kernels/phase_taps.h"

namespace eznas::cuda {
namespace {

int divideUp(int a, int b) { return (a + b - 1) / b; }
int roundUp(int a, int b) { return divideUp(a, b) * b; }

/// Extent of a tile of up to `pixels` pixels of images of rows × cols.
struct TileExtent {
  int images, rows, cols;
};

/// Whole rows where they are short, and as many rows and images as fit; parts are as equal as can be.
TileExtent tileExtent(int batch, int rows, int cols, int pixels) {
  TileExtent tile{1, 1, 1};
  if (cols <= std::min(pixels, 64)) {
    tile.cols = cols;
  } else {
    int least = std::numeric_limits<int>::max();
    for (int width = 64; width >= 32; width -= 8)
      if (const int covered = roundUp(cols, width); covered < least) least = covered, tile.cols = width;
  }
  tile.rows = std::min(rows, pixels / tile.cols);
  tile.rows = divideUp(rows, divideUp(rows, tile.rows));
  if (tile.rows == rows && tile.cols == cols) {
    tile.images = std::min(batch, pixels / (rows * cols));
    tile.images = divideUp(batch, divideUp(batch, tile.images));
  }
  return tile;
}

/// Enters a tile's extent; the fields are the same in both structures.
template <class Shape>
void setTile(Shape& s, const TileExtent& tile, int rows, int cols) {
  s.tileImages = tile.images, s.tileRows = tile.rows, s.tileCols = tile.cols;
  s.rowTiles = divideUp(rows, tile.rows);
  s.colTiles = divideUp(cols, tile.cols);
  s.pixelTiles = divideUp(s.batch, tile.images) * s.rowTiles * s.colTiles;
  s.tilePixels = Divisor(tile.rows * tile.cols);
  s.tileWidth = Divisor(tile.cols);
  s.rowTileCount = Divisor(s.rowTiles);
  s.colTileCount = Divisor(s.colTiles);
  s.groupCount = Divisor(s.groups);
}

/// Lays out the patch of taps tapRows × tapCols, channels `residue` floats apart (modulo `modulus`), which is what
/// keeps fragments free of bank conflicts.
template <class Shape>
void setPatch(Shape& s, int tapRows, int tapCols, bool whole, int residue, int modulus) {
  const int rowStep = s.oneTap ? 1 : s.rowStep, colStep = s.oneTap ? 1 : s.colStep;
  const auto extent = [&](int count, int step, int taps, int tapStep) {
    return (count - 1) * step + (s.oneTap || taps == 0 ? 0 : (taps - 1) * tapStep) + 1;
  };
  s.patchRows = extent(s.tileRows, rowStep, tapRows, s.tapRowStep);
  s.patchCols = extent(s.tileCols, colStep, tapCols, s.tapColStep);
  s.vectors = whole && s.colTiles == 1 && s.sourceW % 4 == 0 && (!s.oneTap || s.colStep == 1);
  s.patchShift = 0;
  s.rowPitch = s.patchCols;
  if (s.vectors) {
    s.patchShift = ((s.sourceCol % 4) + 4) % 4;
    // All of the row is copied, whether it is read or not; a patch that starts inside the row has no room for that.
    if (s.sourceCol > 0) s.patchShift = s.sourceCol;
    s.rowPitch = roundUp(std::max(s.patchShift + s.patchCols, s.patchShift - s.sourceCol + s.sourceW), 4);
  }
  const int plane = s.tileImages * s.patchRows * s.rowPitch;
  s.planePitch = plane + ((residue - plane) % modulus + modulus) % modulus;
  s.copyWidth = Divisor(s.vectors ? s.sourceW / 4 : s.patchCols);
  s.copyRows = Divisor(s.patchRows);
  s.copyImages = Divisor(s.tileImages);
}

/// Channels per stage: all where little memory does, else fewer; a tap at a time where even 8 channels are too many.
void setStages(ConvSweep& s) {
  constexpr size_t kAmple = 64 << 10;
  const int channels = roundUp(s.groupSources, 8), taps = s.taps();
  for (const bool oneTap : {taps == 1, true}) {
    s.oneTap = oneTap;
    for (int chunk = std::min(channels, 32); chunk >= 8; chunk -= 8) {
      // As many stages with fewer channels each are better.
      if (chunk > 8 && divideUp(channels, chunk) == divideUp(channels, chunk - 8)) continue;
      s.chunk = chunk;
      s.stages = taps == 0 ? 0 : divideUp(channels, chunk) * (oneTap ? taps : 1);
      setPatch(s, s.tapRows, s.tapCols, !oneTap || taps == 1, 8, 16);
      for (s.buffers = std::min(s.stages, 2); s.buffers > 0; --s.buffers) {
        const size_t bytes = static_cast<size_t>(s.buffers) * s.stageBytes();
        if (bytes <= kAmple || (chunk == 8 && bytes <= kSharedLimit)) return;
        if (chunk > 8) break;
      }
      if (s.stages == 0) return;
    }
  }
}

/// Chooses the tile that wastes least; larger ones read less per product.
void setTiling(ConvSweep& s) {
  constexpr double kCosts[kSweepTileCount] = {1.0, 0.75, 0.65, 0.75, 1.1};
  double least = std::numeric_limits<double>::max();
  for (int t = 0; t < kSweepTileCount; ++t) {
    const SweepTileSize& size = kSweepTileSizes[t];
    const TileExtent tile = tileExtent(s.batch, s.rows, s.cols, size.pixels);
    const double tiles = static_cast<double>(divideUp(s.batch, tile.images)) * divideUp(s.rows, tile.rows) *
                         divideUp(s.cols, tile.cols) * divideUp(s.groupTargets, size.channels);
    const double cost = tiles * size.channels * size.pixels * kCosts[t];
    if (cost >= least) continue;
    least = cost;
    s.tile = static_cast<SweepTile>(t);
    s.tileChannels = size.channels;
    setTile(s, tile, s.rows, s.cols);
    s.targetTiles = divideUp(s.groupTargets, size.channels);
    s.targetTileCount = Divisor(s.targetTiles);
  }
  setStages(s);
}

/// All taps in a block where they are few, else a row of the kernel or a part of one. Where the patch of so many is too
/// large: half as many pixels, no second buffer, a tap at a time.
void setWeightTiling(ConvWeights& s) {
  constexpr int kSlots = 9, kSplitPixels = 2048;
  const bool few = s.kernelRows * s.kernelCols <= kSlots;
  const int rowTaps = divideUp(s.kernelCols, divideUp(s.kernelCols, kSlots));
  const int channelTiles = divideUp(s.groupSources, 8);
  const auto fits = [&](bool single, int share) {
    const TileExtent tile = tileExtent(s.batch, s.outerH, s.outerW, s.pixels() / share);
    setTile(s, tile, s.outerH, s.outerW);
    s.outerVectors = s.colTiles == 1 && s.outerW % 4 == 0;
    s.splitTiles = std::max(1, kSplitPixels / (tile.images * tile.rows * tile.cols));
    s.splits = divideUp(s.pixelTiles, s.splitTiles);
    s.blockTapRows = few && !single ? s.kernelRows : 1;
    s.blockTapCols = single ? 1 : few ? s.kernelCols : rowTaps;
    s.oneTap = s.blockTapRows * s.blockTapCols == 1;
    s.tapRowBlocks = divideUp(s.kernelRows, s.blockTapRows);
    s.tapColBlocks = divideUp(s.kernelCols, s.blockTapCols);
    s.sourceTiles = std::min(channelTiles, kSlots / (s.blockTapRows * s.blockTapCols));
    for (; s.sourceTiles > 0; --s.sourceTiles) {
      s.sourceBlocks = divideUp(channelTiles, s.sourceTiles);
      s.sourceTiles = divideUp(channelTiles, s.sourceBlocks);
      setPatch(s, s.blockTapRows, s.blockTapCols, s.tapColBlocks == 1, 4, 8);
      if (s.sharedBytes() <= kSharedLimit) return true;
    }
    return false;
  };
  for (const bool single : {false, true})
    for (const int share : {1, 2})
      for (s.buffers = 2; s.buffers > 0; --s.buffers)
        if (fits(single, share)) return;
}

}  // namespace

SweepAndPacking forwardSweep(const ConvShape& c, int batch, int h, int w, bool relu) {
  ConvSweep s{};
  s.batch = batch, s.groups = c.groups;
  s.sourceChannels = c.inChannels, s.sourceH = h, s.sourceW = w;
  s.targetChannels = c.outChannels, s.targetH = s.rows = c.outH(h), s.targetW = s.cols = c.outW(w);
  s.groupSources = c.inChannels / c.groups, s.groupTargets = c.outChannels / c.groups;
  s.targetRowStep = s.targetColStep = 1;
  s.sourceRow = -c.padH, s.sourceCol = -c.padW;
  s.rowStep = c.strideH, s.colStep = c.strideW;
  s.tapRows = c.kernelH, s.tapCols = c.kernelW;
  s.tapRowStep = c.dilationH, s.tapColStep = c.dilationW;
  s.relu = relu;
  setTiling(s);
  const int taps = c.kernelH * c.kernelW;
  return {s, {s.groupTargets * s.groupSources * taps, s.groupSources * taps, taps, 0, c.kernelW, 1}};
}

std::vector<SweepAndPacking> backwardSweeps(const ConvShape& c, int batch, int h, int w) {
  std::vector<SweepAndPacking> phases;
  const int taps = c.kernelH * c.kernelW;
  for (int py = 0; py < std::min(c.strideH, h); ++py) {
    const PhaseTaps rows = phaseTaps(py, c.kernelH, c.strideH, c.padH, c.dilationH);
    for (int px = 0; px < std::min(c.strideW, w); ++px) {
      const PhaseTaps cols = phaseTaps(px, c.kernelW, c.strideW, c.padW, c.dilationW);
      const bool reached = rows.count > 0 && cols.count > 0;
      ConvSweep s{};
      s.batch = batch, s.groups = c.groups;
      s.sourceChannels = c.outChannels, s.sourceH = c.outH(h), s.sourceW = c.outW(w);
      s.targetChannels = c.inChannels, s.targetH = h, s.targetW = w;
      s.groupSources = c.outChannels / c.groups, s.groupTargets = c.inChannels / c.groups;
      s.rows = divideUp(h - py, c.strideH), s.cols = divideUp(w - px, c.strideW);
      s.targetRow = py, s.targetCol = px, s.targetRowStep = c.strideH, s.targetColStep = c.strideW;
      s.sourceRow = rows.offset, s.sourceCol = cols.offset;
      s.rowStep = s.colStep = 1;
      s.tapRows = reached ? rows.count : 0, s.tapCols = reached ? cols.count : 0;
      s.tapRowStep = rows.offsetStep, s.tapColStep = cols.offsetStep;
      setTiling(s);
      const int groupSources = c.inChannels / c.groups;
      phases.push_back({s,
                        {s.groupSources * groupSources * taps, taps, groupSources * taps,
                         rows.last * c.kernelW + cols.last, -rows.step * c.kernelW, -cols.step}});
    }
  }
  return phases;
}

ConvWeights weightGradient(const ConvShape& c, int batch, int h, int w, bool relu) {
  ConvWeights s{};
  s.batch = batch, s.groups = c.groups;
  s.sourceChannels = c.inChannels, s.sourceH = h, s.sourceW = w;
  s.outerChannels = c.outChannels, s.outerH = c.outH(h), s.outerW = c.outW(w);
  s.groupSources = c.inChannels / c.groups, s.groupOuters = c.outChannels / c.groups;
  s.kernelRows = c.kernelH, s.kernelCols = c.kernelW;
  s.sourceRow = -c.padH, s.sourceCol = -c.padW;
  s.rowStep = c.strideH, s.colStep = c.strideW;
  s.tapRowStep = c.dilationH, s.tapColStep = c.dilationW;
  s.relu = relu;
  s.wide = s.groupOuters > 16;
  s.outerTiles = divideUp(s.groupOuters, s.channels());
  setWeightTiling(s);
  s.tapColBlockCount = Divisor(s.tapColBlocks);
  s.tapRowBlockCount = Divisor(s.tapRowBlocks);
  s.sourceBlockCount = Divisor(s.sourceBlocks);
  s.outerTileCount = Divisor(s.outerTiles);
  return s;
}

}  // namespace eznas::cuda
