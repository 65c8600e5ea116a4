#pragma once
#include <cstdint>
#include <vector>

#include "kernels/cpu/program_kernels.h"
#include "native/core/population.h"
#include "native/core/statistics.h"

namespace eznas {

/// Where a value lies while a unit is evaluated.
struct Place {
  enum class Kind : uint8_t {
    none,
    tensor,  // one of the unit's 22; index: which
    arena,   // scratch memory; index: in cache lines of 16 floats
    slot,    // one tile of the interpreter; index: which
    scalar,  // a single value, or a tensor whose elements are all equal; index: which
  };
  Kind kind = Kind::none;
  uint32_t index = 0;
};

/// Which operands of an instruction are whole vectors and which a single value.
enum class Form : uint8_t { vectors, scalarRight, scalarLeft };

/// What becomes of a reduction's float64 sums. `score` is a program's outcome: the mean of its root, in float64.
enum class Reduction : uint8_t { score, mean, l1Norm, frobeniusNorm, moments, hamming, divergence };

/// A reduction over `count` elements. Its result, rounded to float32, becomes a scalar; moments gives two, mean and
/// unbiased standard deviation; score becomes an outcome.
struct ReductionStep {
  Reduction kind = Reduction::score;
  Form form = Form::vectors;  // of hamming and divergence
  Place a, b;
  double count = 0;
  double divisor = 1;   // of divergence
  uint32_t result = 0;  // scalar or outcome
};

/// One step of the interpreter on a tile.
struct TileInstruction {
  enum class Kind : uint8_t { unary, binary, normalize, spread, reduce };
  Kind kind = Kind::unary;
  Operator op = Operator::add;
  Form form = Form::vectors;
  Place out, a, b;
  uint32_t detail = 0;                  // normalize: scalar of the mean; spread: broadcast; reduce: reduction
  bool fetchA = false, fetchB = false;  // the first loop to stream this recorded tensor: ask for its tiles ahead
};

/// Elementwise chains over `count` elements, run tile by tile, with the reductions at their ends.
struct TileLoop {
  size_t count = 0;
  std::vector<TileInstruction> instructions;
};

/// A matrix operation on values in memory.
struct MatrixStep {
  Operator op = Operator::matmul;
  Place out, a, b;
  MatmulShape matmul;           // matmul
  RowPairs rows;                // cosine
  size_t sizes[3] = {0, 0, 0};  // determinants: n, slices; of Gram matrices: rows, columns; softmax: outer, axis,
                                // inner; channels_first: both sizes, inner; flatten and summaries: elements
};

/// One value spread over `count` elements of scratch memory, for a matrix operation that reads it as a tensor.
struct FillStep {
  Place out, value;
  size_t count = 0;
};

/// One elementwise operator on single values.
struct ScalarStep {
  Operator op = Operator::add;
  Place out, a, b;
};

/// One element of a matrix in memory as a scalar.
struct ElementStep {
  Place out, matrix;
  uint32_t element = 0;
};

struct Step {
  enum class Kind : uint8_t { loop, finish, repeated, scalar, element, fill, matrix };
  Kind kind = Kind::loop;
  uint32_t index =
      0;  // finish: the reduction's sums are complete; repeated: a reduction whose operands are all scalars
};

/// Steps for some of the programs, in order.
struct Group {
  std::vector<Step> steps;
  std::vector<TileLoop> loops;
  std::vector<ReductionStep> reductions;
  std::vector<Broadcast> broadcasts;
  std::vector<MatrixStep> matrices;
  std::vector<FillStep> fills;
  std::vector<ScalarStep> scalars;
  std::vector<ElementStep> elements;
};

/// Everything a population computes on units of one signature, in order: shapes are checked, common subtrees stand
/// once, elementwise chains are fused into tile loops that end in reductions, and scratch memory is laid out.
/// Immutable; shared by all threads.
struct UnitPlan {
  static constexpr int32_t kInvalid = -1;

  struct Constant {
    uint32_t scalar = 0;
    float value = 0;
  };
  struct ScalarOutcome {
    uint32_t outcome = 0;
    Place value;
  };
  std::vector<int32_t> outcomeOf;  // per program: its outcome, or kInvalid where an operator rejects its operands
  uint32_t outcomes = 0;
  std::vector<Group> groups;
  std::vector<Constant> constants;
  std::vector<ScalarOutcome> scalarOutcomes;  // roots that are scalars: read at the end
  uint32_t scalars = 0;
  size_t arenaFloats = 0, scratchFloats = 0;
  uint32_t slots = 0;       // most tiles that any loop holds
  uint32_t reductions = 0;  // most reductions of any group
};

/// Compiles a population for one signature. A program that would need more than kMaxArenaFloats of scratch memory at
/// once is invalid.
UnitPlan compileUnitPlan(const Population::Dag& dag, const UnitShapes& shapes);

/// Scratch memory of a plan: of a single program at most, that which groups of programs aim at, and that which values
/// kept for later groups may take (floats).
inline constexpr size_t kMaxArenaFloats = size_t{1} << 28, kGroupArenaFloats = size_t{1} << 22,
                        kKeptFloats = size_t{1} << 23;

}  // namespace eznas
