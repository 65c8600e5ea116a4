// The multiply-add peak of one core: chains of dependent multiply-adds, enough of them to hide the latency, none of
// them touching memory. Latency 4 × 2 units needs 8 chains in flight; the level's registers bound them from above.
#include "kernels/cpu/peak.h"

#include "kernels/cpu/simd.h"

namespace eznas::EZNAS_ISA {

namespace {

#if defined(__AVX512F__)
constexpr int kChains = 24;
#elif defined(__AVX2__)
constexpr int kChains = 6;
#elif defined(__aarch64__)
constexpr int kChains = 6;
#else
constexpr int kChains = 3;
#endif

double operations(size_t iterations) {
  return 2.0 * kChains * (sizeof(Vec) / sizeof(float)) * static_cast<double>(iterations);
}

float multiplyAdd(size_t iterations, float x) {
  Vec chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = broadcast(x + static_cast<float>(i));
  const Vec factor = broadcast(0.999F), term = broadcast(x);
  for (size_t iteration = 0; iteration < iterations; ++iteration) {
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) chains[i] = chains[i] * factor + term;
  }
  Vec sum = chains[0];
  for (int i = 1; i < kChains; ++i) sum += chains[i];
  return sum[0];
}

}  // namespace

const PeakKernels& peakTable() {
  static constexpr PeakKernels table = {operations, multiplyAdd};
  return table;
}

}  // namespace eznas::EZNAS_ISA
