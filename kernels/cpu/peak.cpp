// The multiply-add peak of one core: chains of dependent multiply-adds, enough of them to hide the latency, none of
// them touching memory. Latency 4 × 2 units needs 8 chains in flight; the level's registers bound them from above.
#include "kernels/cpu/peak.h"

#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {

namespace {

// Three quarters of the registers: what is left holds the operands.
constexpr int kChains = kRegisters * 3 / 4;

double operations(size_t iterations) { return 2.0 * kChains * kWidth * static_cast<double>(iterations); }

float multiplyAdd(size_t iterations, float x) {
  Reg chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = Reg{} + (x + static_cast<float>(i));
  const Reg factor = Reg{} + 0.999F, term = Reg{} + x;
  for (size_t iteration = 0; iteration < iterations; ++iteration) {
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) chains[i] = chains[i] * factor + term;
  }
  Reg sum = chains[0];
  for (int i = 1; i < kChains; ++i) sum += chains[i];
  return sum[0];
}

}  // namespace

const PeakKernels& peakTable() {
  static constexpr PeakKernels table = {operations, multiplyAdd};
  return table;
}

}  // namespace eznas::EZNAS_ISA
