#pragma once
// The device code of a population: what native/cuda/population_code.cpp makes of a unit plan's groups and
// kernels/cuda/program_interpreter.cu runs. A group's code is one block of bytes; offsets count bytes from its start.
#include <cstddef>
#include <cstdint>

#include "kernels/host_device.h"
#include "kernels/tensors.h"

namespace eznas::cuda {

/// Threads of a block, elements of one tile and of one thread in it. Thread t holds elements 4t … 4t + 3 of every tile,
/// so that instructions of a loop need no barrier between them.
inline constexpr uint32_t kBlockThreads = 256, kBlockWarps = kBlockThreads / 32, kThreadElements = 4,
                          kTileElements = kBlockThreads * kThreadElements;
/// Instructions whose addresses are resolved at a time.
inline constexpr uint32_t kWindow = 64;
/// Most scalars of a group that stand in shared memory; more go to scratch memory.
inline constexpr uint32_t kSharedScalars = 512;
/// A block's dynamic shared memory, in floats: its state, the window of instructions, from kScalarFloats on the group's
/// scalars, and from kWorkFloats on what one step works with.
inline constexpr uint32_t kStateFloats = 144, kWindowFloats = kWindow * 8, kScalarFloats = kStateFloats + kWindowFloats,
                          kWorkFloats = kScalarFloats + kSharedScalars;
/// Floats of one running float64 sum of every thread.
inline constexpr uint32_t kSumFloats = 2 * kBlockThreads;

/// Where a value lies: a kind in the upper three bits, an index in the others.
enum class PlaceKind : uint32_t {
  none,
  tensor,   // which of the unit's 22
  shared,   // floats from the start of the block's dynamic shared memory
  scratch,  // floats from the start of the block's scratch memory
};
inline constexpr uint32_t kPlaceBits = 29, kPlaceMask = (1u << kPlaceBits) - 1;
constexpr uint32_t placeWord(PlaceKind kind, uint32_t index) {
  return static_cast<uint32_t>(kind) << kPlaceBits | index;
}

enum class TileOpcode : uint32_t {
  copy,
  log,
  abslog,
  abs,
  square,
  exp,
  relu,
  sign,
  sigmoid,
  positive,
  negative,
  reciprocal,
  add,
  sub,
  mul,
  less,
  greater,
  equal,
  normalize,  // b: mean and standard deviation, next to each other
  spread,     // a: the compact operand, gathered as BroadcastCode at `detail` says
  sum,        // the rest: running sums or extremes, out: where
  sumMagnitudes,
  sumSquares,
  moments,
  hamming,
  divergence,
  nonzeros,
  smallest,
  largest,
  repeated,  // a reduction of single values, ReductionCode at `detail`
};

/// How an operand is read.
enum class OperandMode : uint32_t {
  none,
  last,       // the value of the instruction before, in registers
  slot,       // a tile
  stream,     // a tensor, at the tile's place
  unaligned,  // the same, not 16-byte aligned; found out when addresses are resolved
  single,     // one value for all places
};
/// Where a result goes besides the registers.
enum class ResultMode : uint32_t { none, slot, stream, single };

/// One instruction as stored. `out`, `a` and `b` are places.
struct TileInstructionCode {
  uint32_t control, detail, out, a, b, unused[3];
};
constexpr uint32_t controlWord(TileOpcode op, OperandMode a, OperandMode b, ResultMode result) {
  return static_cast<uint32_t>(op) | static_cast<uint32_t>(a) << 8 | static_cast<uint32_t>(b) << 12 |
         static_cast<uint32_t>(result) << 16;
}

/// How a compact operand spreads (kernels/cpu/program_kernels.h, Broadcast). x / sizes[d] is the high word of
/// x · multipliers[d], shifted by shifts[d], for x < 2^31 (Granlund and Montgomery, "Division by invariant integers
/// using multiplication", PLDI 1994).
struct BroadcastCode {
  uint32_t sizes[4], strides[4], multipliers[4], shifts[4];
};

enum class ReductionKind : uint32_t {
  score,
  mean,
  l1Norm,
  frobeniusNorm,
  moments,
  hamming,
  divergence,
  nonzeros,
  smallest,
  largest
};

/// What becomes of running sums. `result`: the outcome of a score, else the place of a scalar (moments: of two).
struct ReductionCode {
  ReductionKind kind;
  uint32_t result, sums, unused;
  double count, divisor;
};

/// Steps of a group; the block meets between them.
enum class StepKind : uint32_t { loop, singles, matrix };
struct StepCode {
  StepKind kind;
  uint32_t at;
};

/// A loop over `count` elements and the reductions at its end; or single values, computed one after another.
struct LoopCode {
  uint32_t count, instructions, instructionCount, reductions, reductionCount, unused[3];
};

enum class MatrixOpcode : uint32_t {
  matmul,
  determinant,
  logDeterminant,
  logMagnitude,  // of the determinant, shifted off 0 and per row (logabsdet)
  gramRatio,
  gram,
  covariance,
  spectralEntropy,
  participationRatio,
  softmax,
  cosine
};

/// A matrix operation. `work` is a place of scratch memory, or none where shared memory is enough.
struct MatrixCode {
  MatrixOpcode op;
  uint32_t out, a, b, work;
  uint32_t sizes[3];  // determinants: n, slices; of Gram matrices: rows, columns; softmax: outer, axis, inner
  uint32_t m, k, n, batch[2], strideA[2], strideB[2];  // matmul, as MatmulShape
  uint32_t rows, length, rowStride[2], stride[2];      // cosine, as RowPairs
};

struct ConstantCode {
  uint32_t place;
  float value;
};

/// A root that is a scalar.
struct OutcomeCode {
  uint32_t outcome, place;
};

/// The head of a group's code.
struct GroupCode {
  uint32_t steps, stepCount, constants, constantCount, outcomes, outcomeCount, unused[2];
};

/// One unit: its recorded tensors, and where its outcomes start.
struct UnitCode {
  const float* tensors[kTensorCount];
  uint64_t outcomes;
};

/// A group of programs on a unit: what a block takes from the queue.
struct WorkItem {
  const unsigned char* code;  // GroupCode and what follows it
  uint32_t unit, unused;
};

/// One launch. Items that need no more than `scratchFloats` may run on any block; those before `largeItems` need up to
/// `largeScratchFloats` and run on the first `largeBlocks` blocks.
struct PopulationWork {
  const WorkItem* items;
  const UnitCode* units;
  double* outcomes;
  unsigned* taken;  // items taken so far: large ones, others; zero before the launch
  float* scratch;
  float* largeScratch;
  uint64_t scratchFloats, largeScratchFloats;
  uint32_t itemCount, largeItems, largeBlocks;
  uint32_t sharedFloats;  // of dynamic shared memory
};

// ---- shared and scratch memory of matrix operations -----------------------------------------------------------------

/// Lanes that one slice of a determinant takes: columns, a power of two of at least 4.
EZNAS_HOST_DEVICE constexpr uint32_t determinantLanes(uint32_t n) {
  return n <= 4 ? 4 : n <= 8 ? 8 : n <= 16 ? 16 : 32;
}
/// Doubles of a slice of up to 32 columns in shared memory; slices side by side fall on different banks.
EZNAS_HOST_DEVICE constexpr uint32_t determinantSlice(uint32_t n) {
  const uint32_t lanes = determinantLanes(n);
  return n * lanes + (lanes < 16 ? lanes : 0);
}
/// Warps that factorise slices of up to 32 columns at a time.
EZNAS_HOST_DEVICE constexpr uint32_t determinantWarps(uint32_t n, uint32_t workFloats) {
  const uint32_t perWarp = 2 * determinantSlice(n) * (32 / determinantLanes(n));
  return workFloats / perWarp < kBlockWarps ? workFloats / perWarp : kBlockWarps;
}
/// Whether a larger slice is factorised in shared memory.
EZNAS_HOST_DEVICE constexpr bool determinantInShared(uint32_t n, uint32_t workFloats) {
  return 2 * uint64_t{n} * n <= workFloats;
}
/// Scratch of det and logdet in floats: the magnitudes that isSingular keeps, and a slice that shared memory cannot
/// hold.
EZNAS_HOST_DEVICE constexpr uint64_t determinantScratchFloats(uint32_t n, uint32_t workFloats) {
  if (n <= 3) return 0;
  if (n <= 32) return uint64_t{2} * determinantSlice(n) * (32 / determinantLanes(n)) * determinantWarps(n, workFloats);
  return 2 * uint64_t{n} * n * (determinantInShared(n, workFloats) ? 1 : 2);
}

/// A Gram matrix is made of blocks of up to 64 × 64 rows, staged in panels of this many float64 and one more per row
/// for the banks.
inline constexpr uint32_t kGramRows = 64, kGramPanel = 1024, kGramPanelDoubles = kGramPanel + kGramRows;
/// Doubles for adding up what threads made of their shares of the columns.
inline constexpr uint32_t kGramSums = kBlockThreads;
/// Doubles of the vectors that the reduction to tridiagonal form needs: diagonal, off-diagonal, v and p.
EZNAS_HOST_DEVICE constexpr uint64_t gramVectors(uint32_t rows) { return 4 * uint64_t{rows}; }
/// Whether matrix and vectors stand in shared memory, beside panel and sums.
EZNAS_HOST_DEVICE constexpr bool gramInShared(uint32_t rows, uint32_t workFloats) {
  return rows <= kGramRows &&
         2 * (uint64_t{rows} * rows + gramVectors(rows) + kGramPanelDoubles + kGramSums) <= workFloats;
}
EZNAS_HOST_DEVICE constexpr uint64_t gramScratchFloats(uint32_t rows, uint32_t workFloats) {
  return gramInShared(rows, workFloats) ? 0 : 2 * (uint64_t{rows} * rows + gramVectors(rows));
}
/// Least work memory: two panels and the sums.
inline constexpr uint32_t kLeastWorkFloats = 2 * (2 * kGramPanelDoubles + kGramSums);

}  // namespace eznas::cuda
