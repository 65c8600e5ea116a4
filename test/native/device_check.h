#pragma once
// What tests of the device's kernels share: maps of shapes with tails, arrays of them on the device, and comparison.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "test/native/device_memory.h"
#include "test/native/kernel_check.h"
#if defined(EZNAS_SHIM)
#include "shim.h"
#endif

namespace eznas::check {

using cuda::Stream;
using test::DeviceArray;

struct MapSize {
  int n, c, h, w;
};
inline constexpr MapSize kSizes[] = {{1, 1, 1, 1},  {2, 16, 4, 4}, {3, 5, 3, 7},
                                     {1, 33, 9, 5}, {2, 64, 8, 8}, {1, 17, 16, 33}};

inline Plain plain(const MapSize& m, Random& random, double centre = 0) { return {m.n, m.c, m.h, m.w, random, centre}; }

inline void makeSpecial(Plain& p) {
  p.values.front() = kNaN;
  p.values[p.values.size() / 2] = kInf;
  p.values.back() = -kInf;
}

inline std::vector<float> nans(size_t count) { return std::vector<float>(count, kNaN); }
inline DeviceArray<float> onDevice(const Stream& stream, const Plain& p) { return {stream, p.floats()}; }
inline DeviceArray<float> result(const Stream& stream, size_t count) { return {stream, nans(count)}; }

inline void expectAll(const DeviceArray<float>& got, const std::vector<double>& want, double relative, const char* what,
                      const std::vector<double>& magnitude = {}) {
  const std::vector<float> values = got.host();
  for (size_t e = 0; e < values.size(); ++e) {
    const double own = std::isfinite(want[e]) ? std::abs(want[e]) : 0;
    expectNear(values[e], want[e], relative * std::max(1.0, magnitude.empty() ? own : magnitude[e]), what);
  }
}

inline std::string text(const MapSize& m) {
  return std::to_string(m.n) + "×" + std::to_string(m.c) + "×" + std::to_string(m.h) + "×" + std::to_string(m.w);
}

/// Reports what was compared, and writes past the end of allocations that the shim saw; the program's exit status.
inline int finish(const char* program) {
#if defined(EZNAS_SHIM)
  if (!shim::damagedGuard().empty()) fail(shim::damagedGuard());
#endif
  std::printf("%s: %d comparisons, %d failures\n", program, comparisons, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace eznas::check
