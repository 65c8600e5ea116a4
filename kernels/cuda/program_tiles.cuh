#pragma once
// The interpreter of elementwise chains. Decoding is uniform over the block; a thread's four elements of a tile stay
// with it from instruction to instruction, so that no barrier is needed inside a loop. The result of the instruction
// before is in registers; only values with other readers are stored.
#include <cuda_runtime.h>

#include "kernels/cuda/program_block.cuh"
#include "kernels/cuda/program_reduce.cuh"
#include "kernels/cuda/program_values.cuh"

namespace eznas::cuda {

/// An instruction with addresses, in the window in shared memory.
struct alignas(16) TileInstruction {
  uint32_t control, detail;
  float* out;
  const float* a;
  const float* b;
};
static_assert(sizeof(TileInstruction) == 4 * kWindowFloats / kWindow);

/// Four elements of a thread.
struct Quad {
  float x[4];
};

/// This thread's place in a tile: the tile's first element, and how many elements are left from the thread's first on
/// (may be negative). `offset` is the thread's first element within the tile.
struct TilePlace {
  uint32_t begin, offset;
  int left;
};

__device__ __forceinline__ Quad repeated(float x) { return {{x, x, x, x}}; }

__device__ __forceinline__ Quad loadVector(const float* p) {
  const float4 v = *reinterpret_cast<const float4*>(p);
  return {{v.x, v.y, v.z, v.w}};
}

__device__ __forceinline__ void storeVector(float* p, const Quad& q) {
  *reinterpret_cast<float4*>(p) = make_float4(q.x[0], q.x[1], q.x[2], q.x[3]);
}

__device__ __forceinline__ Quad loadOperand(OperandMode mode, const float* p, const TilePlace& at, const Quad& last) {
  if (mode == OperandMode::last) return last;
  if (mode == OperandMode::single) return repeated(*p);
  p += at.offset;
  if (mode == OperandMode::slot) return loadVector(p);
  p += at.begin;
  if (mode == OperandMode::stream && at.left >= 4) return loadVector(p);
  Quad q = repeated(0);
#pragma unroll
  for (int i = 0; i < 4; ++i)
    if (i < at.left) q.x[i] = p[i];
  return q;
}

__device__ __forceinline__ void storeResult(ResultMode mode, float* p, const TilePlace& at, const Quad& q) {
  if (mode == ResultMode::single) {
    if (laneOfWarp() == 0) *p = q.x[0];
    return;
  }
  p += at.offset;
  if (mode == ResultMode::slot) return storeVector(p, q);
  p += at.begin;
  if (at.left >= 4) return storeVector(p, q);
#pragma unroll
  for (int i = 0; i < 4; ++i)
    if (i < at.left) p[i] = q.x[i];
}

template <class F>
__device__ __forceinline__ Quad mapped(const Quad& a, F f) {
  Quad y;
#pragma unroll
  for (int i = 0; i < 4; ++i) y.x[i] = f(a.x[i]);
  return y;
}
template <class F>
__device__ __forceinline__ Quad mapped(const Quad& a, const Quad& b, F f) {
  Quad y;
#pragma unroll
  for (int i = 0; i < 4; ++i) y.x[i] = f(a.x[i], b.x[i]);
  return y;
}

/// Adds the terms f(i) of this thread's elements to its running sum; the first tile starts it.
template <class F>
__device__ __forceinline__ void addTerms(double* sum, const TilePlace& at, F f) {
  double terms = 0;
  if (at.left >= 4) {
    terms = (f(0) + f(1)) + (f(2) + f(3));
  } else {
#pragma unroll
    for (int i = 0; i < 3; ++i)
      if (i < at.left) terms += f(i);
  }
  *sum = at.begin == 0 ? terms : *sum + terms;
}

/// Takes this thread's elements into its running extreme.
template <bool larger>
__device__ __forceinline__ void addExtreme(double* extreme, const TilePlace& at, const Quad& a) {
  double value = at.begin == 0 ? static_cast<double>(a.x[0]) : *extreme;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    if (i < at.left) value = extremeOf<larger>(value, static_cast<double>(a.x[i]));
  *extreme = value;
}

__device__ __forceinline__ void addMoments(double* sums, const TilePlace& at, const Quad& a) {
  const double shift = at.begin == 0 ? static_cast<double>(a.x[0]) : sums[2 * kBlockThreads];
  if (at.begin == 0) sums[2 * kBlockThreads] = shift;
  const auto deviation = [&](int i) { return static_cast<double>(a.x[i]) - shift; };
  addTerms(sums, at, deviation);
  addTerms(sums + kBlockThreads, at, [&](int i) { return deviation(i) * deviation(i); });
}

__device__ __forceinline__ Quad gathered(const float* x, const BroadcastCode& broadcast, const TilePlace& at) {
  Quad y;
#pragma unroll 1
  for (int i = 0; i < 4; ++i) {
    uint32_t rest = at.begin + at.offset + i, place = 0;
#pragma unroll
    for (int d = 3; d > 0; --d) {
      const uint32_t quotient = __umulhi(rest, broadcast.multipliers[d]) >> broadcast.shifts[d];
      place += (rest - quotient * broadcast.sizes[d]) * broadcast.strides[d];
      rest = quotient;
    }
    const float value = i < at.left ? x[place + rest * broadcast.strides[0]] : 0;
    y.x[0] = i == 0 ? value : y.x[0];
    y.x[1] = i == 1 ? value : y.x[1];
    y.x[2] = i == 2 ? value : y.x[2];
    y.x[3] = i == 3 ? value : y.x[3];
  }
  return y;
}

/// A reduction of single values that stand for `count` equal ones.
__device__ __forceinline__ float reducedSingle(const ReductionCode& reduction, float a, float b) {
  double term = a;
  switch (reduction.kind) {
    case ReductionKind::l1Norm:
      term = fabs(term);
      break;
    case ReductionKind::frobeniusNorm:
      term *= term;
      break;
    case ReductionKind::hamming:
      term = (a > 0) != (b > 0) ? 1 : 0;
      break;
    case ReductionKind::divergence:
      term = divergenceOf(a, b);
      break;
    default:
      break;
  }
  return reducedOf(reduction, term * reduction.count);
}

/// Runs one instruction on this thread's elements of a tile. `last` is the value of the instruction before.
__device__ __forceinline__ void runInstruction(const BlockState& block, const TileInstruction& instruction,
                                               const TilePlace& at, Quad& last) {
  const uint32_t control = instruction.control;
  const auto modeA = static_cast<OperandMode>(control >> 8 & 15), modeB = static_cast<OperandMode>(control >> 12 & 15);
  const auto result = static_cast<ResultMode>(control >> 16);
  const Quad b = modeB == OperandMode::none ? last : loadOperand(modeB, instruction.b, at, last);
  const Quad a = modeA == OperandMode::none ? last : loadOperand(modeA, instruction.a, at, last);
  double* const sums = reinterpret_cast<double*>(instruction.out) + threadIdx.x;
  switch (static_cast<TileOpcode>(control & 255)) {
    case TileOpcode::copy:
      last = a;
      break;
    case TileOpcode::log:
      last = mapped(a, [](float x) { return logOf(x); });
      break;
    case TileOpcode::abslog:
      last = mapped(a, [](float x) { return absLogOf(x); });
      break;
    case TileOpcode::abs:
      last = mapped(a, [](float x) { return fabsf(x); });
      break;
    case TileOpcode::square:
      last = mapped(a, [](float x) { return x * x; });
      break;
    case TileOpcode::exp:
      last = mapped(a, [](float x) { return expOf(x); });
      break;
    case TileOpcode::relu:
      last = mapped(a, [](float x) { return x < 0.0f ? 0.0f : x; });
      break;
    case TileOpcode::sign:
      last = mapped(a, [](float x) { return oneWhere(x > 0.0f) - oneWhere(x < 0.0f); });
      break;
    case TileOpcode::sigmoid:
      last = mapped(a, [](float x) { return sigmoidOf(x); });
      break;
    case TileOpcode::positive:
      last = mapped(a, [](float x) { return oneWhere(x > 0.0f); });
      break;
    case TileOpcode::negative:
      last = mapped(a, [](float x) { return oneWhere(x < 0.0f); });
      break;
    case TileOpcode::reciprocal:
      last = mapped(a, [](float x) { return 1.0f / x; });
      break;
    case TileOpcode::add:
      last = mapped(a, b, [](float x, float y) { return x + y; });
      break;
    case TileOpcode::sub:
      last = mapped(a, b, [](float x, float y) { return x - y; });
      break;
    case TileOpcode::mul:
      last = mapped(a, b, [](float x, float y) { return x * y; });
      break;
    case TileOpcode::less:
      last = mapped(a, b, [](float x, float y) { return oneWhere(x < y); });
      break;
    case TileOpcode::greater:
      last = mapped(a, b, [](float x, float y) { return oneWhere(x > y); });
      break;
    case TileOpcode::equal:
      last = mapped(a, b, [](float x, float y) { return oneWhere(x == y); });
      break;
    case TileOpcode::normalize: {
      const float mean = instruction.b[0], deviation = instruction.b[1];
      last = mapped(a, [=](float x) { return normalizedOf(x, mean, deviation); });
      break;
    }
    case TileOpcode::spread:
      last = gathered(instruction.a, *codeAt<BroadcastCode>(block, instruction.detail), at);
      break;
    case TileOpcode::sum:
      return addTerms(sums, at, [&](int i) { return static_cast<double>(a.x[i]); });
    case TileOpcode::sumMagnitudes:
      return addTerms(sums, at, [&](int i) { return static_cast<double>(fabsf(a.x[i])); });
    case TileOpcode::sumSquares:
      return addTerms(sums, at, [&](int i) { return static_cast<double>(a.x[i]) * static_cast<double>(a.x[i]); });
    case TileOpcode::moments:
      return addMoments(sums, at, a);
    case TileOpcode::hamming:
      return addTerms(sums, at, [&](int i) { return (a.x[i] > 0.0f) != (b.x[i] > 0.0f) ? 1.0 : 0.0; });
    case TileOpcode::divergence: {
      const Quad terms = mapped(a, b, [](float x, float y) { return divergenceOf(x, y); });
      return addTerms(sums, at, [&](int i) { return static_cast<double>(terms.x[i]); });
    }
    case TileOpcode::nonzeros:
      return addTerms(sums, at, [&](int i) { return a.x[i] != 0.0f ? 1.0 : 0.0; });
    case TileOpcode::smallest:
      return addExtreme<false>(sums, at, a);
    case TileOpcode::largest:
      return addExtreme<true>(sums, at, a);
    case TileOpcode::repeated:
      last = repeated(reducedSingle(*codeAt<ReductionCode>(block, instruction.detail), a.x[0], b.x[0]));
      break;
  }
  if (result != ResultMode::none) storeResult(result, instruction.out, at, last);
}

/// Resolves the addresses of up to kWindow instructions, one per thread.
__device__ __forceinline__ void resolveWindow(const BlockState& block, const TileInstructionCode* code,
                                              uint32_t count) {
  if (threadIdx.x >= count) return;
  const TileInstructionCode stored = code[threadIdx.x];
  TileInstruction& resolved = reinterpret_cast<TileInstruction*>(sharedFloats(kStateFloats))[threadIdx.x];
  const float* const a = addressOf(block, stored.a);
  const float* const b = addressOf(block, stored.b);
  const auto unaligned = [](const float* p, uint32_t control, int shift) {
    constexpr auto kStream = static_cast<uint32_t>(OperandMode::stream);
    constexpr auto kUnaligned = static_cast<uint32_t>(OperandMode::unaligned);
    const bool streams = (control >> shift & 15) == kStream;
    return streams && reinterpret_cast<uintptr_t>(p) % 16 != 0 ? (kStream ^ kUnaligned) << shift : 0;
  };
  resolved.control = stored.control ^ unaligned(a, stored.control, 8) ^ unaligned(b, stored.control, 12);
  resolved.detail = stored.detail;
  resolved.out = addressOf(block, stored.out);
  resolved.a = a;
  resolved.b = b;
}

/// A loop and the reductions at its end, by the whole block; or single values one after another, by the first warp,
/// whose lanes all compute each.
__device__ __forceinline__ void runLoop(const BlockState& block, const LoopCode& loop, bool singles) {
  const auto* code = codeAt<TileInstructionCode>(block, loop.instructions);
  const auto* window = reinterpret_cast<const TileInstruction*>(sharedFloats(kStateFloats));
  const uint32_t firstOfWarp = warpOfBlock() * 32 * kThreadElements;
  TilePlace at{0, singles ? 0 : threadIdx.x * kThreadElements, 0};
  for (; at.begin < loop.count; at.begin += kTileElements) {
    const bool idle = at.begin + firstOfWarp >= loop.count;
    at.left = static_cast<int>(loop.count - at.begin) - static_cast<int>(at.offset);
    Quad last = repeated(0);
    for (uint32_t first = 0; first < loop.instructionCount; first += kWindow) {
      const uint32_t count = min(loop.instructionCount - first, kWindow);
      // A loop that fits the window is resolved once.
      if (at.begin == 0 || loop.instructionCount > kWindow) {
        __syncthreads();
        resolveWindow(block, code + first, count);
        __syncthreads();
      }
      if (idle) continue;
      for (uint32_t i = 0; i < count; ++i) {
        runInstruction(block, window[i], at, last);
        if (singles) __syncwarp();
      }
    }
  }
  if (loop.reductionCount == 0) return;
  __syncthreads();
  const auto* reductions = codeAt<ReductionCode>(block, loop.reductions);
  for (uint32_t r = warpOfBlock(); r < loop.reductionCount; r += kBlockWarps)
    finishReduction(block, reductions[r], loop.count);
}

}  // namespace eznas::cuda
