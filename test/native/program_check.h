#pragma once
// What tests of the program kernels share: the kernels of each SIMD level in turn, values and comparison.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kernels/cpu/program_kernels.h"
#include "native/core/simd.h"
#include "test/native/expect.h"
#include "test/native/random_programs.h"

namespace eznas::check {

using test::expect;

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kGuard = 12345.5f;
inline const std::vector<float> kSpecial = {0.0f,   -0.0f,   1.0f,   -1.0f, kInf,   -kInf, kNaN,
                                            1e-45f, -1e-45f, 1e-38f, 3e38f, -3e38f, 0.5f,  -2.5f};

/// Those tested at present, and the name of their level.
inline const ProgramKernels* kernels = nullptr;
inline std::string level;

inline bool same(double got, double want) { return std::isnan(want) ? std::isnan(got) : got == want; }

inline void expectNear(double got, double want, double tolerance, const std::string& what) {
  const bool near = std::isnan(want) || std::isinf(want) ? same(got, want) : std::abs(got - want) <= tolerance;
  expect(near, level + " " + what + ": " + std::to_string(got) + ", not " + std::to_string(want));
}

inline std::vector<float> randomValues(Random& random, size_t n, bool special) {
  std::vector<float> values(n);
  for (float& v : values)
    v = special && random.below(4) == 0 ? kSpecial[random.below(static_cast<uint32_t>(kSpecial.size()))]
                                        : random.normal() * 3;
  return values;
}

/// Scratch and outputs start on a cache line, as the arena does.
struct Aligned {
  std::vector<float> storage;
  float* data;
  explicit Aligned(size_t floats) : storage(floats + 16, kGuard) {
    data = storage.data() + (64 - reinterpret_cast<uintptr_t>(storage.data()) % 64) % 64 / sizeof(float);
  }
};

/// Runs the tests at every level that the machine has; the program's exit status.
template <class Tests>
int atEveryLevel(const char* program, Tests tests) {
  for (const SimdLevel simd : supportedSimdLevels()) {
    kernels = &programKernels(simd);
    level = name(simd);
    tests();
  }
  return test::finish(program);
}

}  // namespace eznas::check
