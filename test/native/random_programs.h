#pragma once
// Random programs and statistics for the tests and the bench of populations.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/operators.h"
#include "kernels/tensors.h"
#include "native/core/shape_rules.h"
#include "native/core/statistics.h"

namespace eznas::check {

inline constexpr int kArity[kOperatorCount] = {
#define X(name, arity) arity,
    EZNAS_OPERATORS(X)
#undef X
};
inline constexpr const char* kOperatorNames[kOperatorCount] = {
#define X(name, arity) #name,
    EZNAS_OPERATORS(X)
#undef X
};

inline constexpr uint32_t word(Operator op) { return kOperatorWord + static_cast<uint32_t>(op); }

/// A small deterministic generator (splitmix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t bits() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(bits() >> 32) % n; }
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  float normal() {
    return static_cast<float>(std::sqrt(-2 * std::log(1 - uniform())) * std::cos(6.283185307179586 * uniform()));
  }

 private:
  uint64_t state_;
};

/// Appends a random tree of at most `depth`, in postfix: half the time every branch reaches the depth.
inline void appendTree(Random& random, int depth, bool full, std::vector<uint32_t>& code) {
  if (depth == 0 || (!full && random.below(3) == 0)) {
    code.push_back(random.below(kTensorCount));
    return;
  }
  const uint32_t op = random.below(kOperatorCount);
  for (int i = 0; i < kArity[op]; ++i) appendTree(random, depth - 1, full, code);
  code.push_back(kOperatorWord + op);
}

inline std::vector<uint32_t> randomProgram(Random& random, int minDepth, int maxDepth) {
  std::vector<uint32_t> code;
  const int depth = minDepth + static_cast<int>(random.below(static_cast<uint32_t>(maxDepth - minDepth + 1)));
  appendTree(random, depth, random.below(2) == 0, code);
  return code;
}

/// Appends every leaf, and every operator on leaves and on each other operator's result.
inline void appendEveryPair(Random& random, std::vector<std::vector<uint32_t>>& programs) {
  for (uint32_t tensor = 0; tensor < static_cast<uint32_t>(kTensorCount); ++tensor) programs.push_back({tensor});
  for (uint32_t outer = 0; outer < kOperatorCount; ++outer)
    for (uint32_t inner = 0; inner < kOperatorCount; ++inner) {
      std::vector<uint32_t> program;
      for (int i = 0; i < kArity[outer]; ++i) {
        const uint32_t first = random.below(kTensorCount), related = first / 6 * 6 + random.below(first < 18 ? 6 : 4);
        for (int j = 0; j < (i == 0 ? kArity[inner] : 1); ++j) program.push_back(j == 0 ? first : related);
        if (i == 0) program.push_back(kOperatorWord + inner);
      }
      program.push_back(kOperatorWord + outer);
      programs.push_back(std::move(program));
    }
}

/// Whether every operator of a program accepts its operands' shapes; adds the elements each operator is applied to,
/// the larger of its result and operands.
inline bool isValid(const std::vector<uint32_t>& code, const UnitShapes& shapes, double* nodeElements = nullptr) {
  std::vector<Shape> stack;
  for (const uint32_t w : code) {
    if (w < kOperatorWord) {
      stack.push_back(shapes.of(static_cast<int>(w)));
      continue;
    }
    const Operator op = static_cast<Operator>(w - kOperatorWord);
    Shape b;
    int64_t elements = 0;
    if (kArity[w - kOperatorWord] == 2) {
      b = stack.back();
      stack.pop_back();
      elements = b.numel();
    }
    const Shape a = stack.back();
    const std::optional<Shape> result = resultShape(op, a, b);
    if (!result) return false;
    elements = std::max({elements, a.numel(), result->numel()});
    if (nodeElements != nullptr) *nodeElements += static_cast<double>(elements);
    stack.back() = *result;
  }
  return true;
}

/// Units with tensors of their own, normally distributed; gradients are half zeros, as behind a ReLU.
struct RandomNetwork {
  NetworkStatistics statistics;
  std::vector<std::vector<float>> values;

  void addUnit(Random& random, const UnitShapes& shapes) {
    UnitStatistics unit{.shapes = shapes};
    for (int t = 0; t < kTensorCount; ++t) {
      std::vector<float> tensor(static_cast<size_t>(shapes.of(t).numel()));
      for (float& v : tensor) {
        v = random.normal() * (t % 6 >= 3 ? 1e-3f : 1.0f);
        if (t >= kT1GD && t <= kT1GP && random.below(2) == 0) v = 0;
        if (t >= kT2D && t <= kT2N && v < 0) v = 0;
      }
      values.push_back(std::move(tensor));
      unit.tensors[static_cast<size_t>(t)] = values.back().data();
    }
    statistics.units.push_back(unit);
  }
};

inline Shape shape4(int64_t a, int64_t b, int64_t c, int64_t d) { return {.rank = 4, .dims = {a, b, c, d}}; }

}  // namespace eznas::check
