#include "native/core/simd.h"

#include <cstdlib>

#include "native/core/error.h"

namespace eznas {

// The kernel tables that kernels/cpu defines once per level, and the choice among them.
#if defined(__x86_64__)
#define EZNAS_LEVELS(X) X(baseline) X(avx2) X(avx512)
#else
#define EZNAS_LEVELS(X) X(baseline)
#endif
#define X(level)                        \
  namespace level {                     \
  const NetworkKernels& networkTable(); \
  const ProgramKernels& programTable(); \
  const RandomKernels& randomTable();   \
  }
EZNAS_LEVELS(X)
#undef X

namespace {

/// Read while the program loads: later another thread may be changing the environment.
const std::string askedLevel = [] {
  const char* text = std::getenv("EZNAS_SIMD");
  return std::string(text == nullptr ? "" : text);
}();

}  // namespace

std::vector<SimdLevel> supportedSimdLevels() {
  std::vector<SimdLevel> levels{SimdLevel::baseline};
#if defined(__x86_64__)
  __builtin_cpu_init();
  // The compiler may use any instruction of the flags a level is built with, so all of them must be there.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2")) {
    levels.push_back(SimdLevel::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
      levels.push_back(SimdLevel::avx512);
  }
#endif
  return levels;
}

const char* name(SimdLevel level) {
  switch (level) {
    case SimdLevel::avx512:
      return "avx512";
    case SimdLevel::avx2:
      return "avx2";
    case SimdLevel::baseline:
      break;
  }
  return "baseline";
}

SimdLevel simdLevel() {
  const std::vector<SimdLevel> levels = supportedSimdLevels();
  if (askedLevel.empty()) return levels.back();
  std::string known;
  for (const SimdLevel level : levels) {
    if (name(level) == askedLevel) return level;
    known += (known.empty() ? "" : ", ") + std::string(name(level));
  }
  throw Error(code::kInvalidArgument, "EZNAS_SIMD is '" + askedLevel + "'; this machine supports " + known);
}

#define X(level)         \
  case SimdLevel::level: \
    return level::EZNAS_TABLE();
#define EZNAS_TABLE networkTable
const NetworkKernels& networkKernels(SimdLevel level) {
  switch (level) {
    EZNAS_LEVELS(X)
    default:
      return baseline::networkTable();
  }
}
#undef EZNAS_TABLE
#define EZNAS_TABLE programTable
const ProgramKernels& programKernels(SimdLevel level) {
  switch (level) {
    EZNAS_LEVELS(X)
    default:
      return baseline::programTable();
  }
}
#undef EZNAS_TABLE
#define EZNAS_TABLE randomTable
const RandomKernels& randomKernels(SimdLevel level) {
  switch (level) {
    EZNAS_LEVELS(X)
    default:
      return baseline::randomTable();
  }
}
#undef EZNAS_TABLE
#undef X

}  // namespace eznas
