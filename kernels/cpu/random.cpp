// Normal random numbers: the scalar functions of kernels/random.h, written without branches, over a block of counters
// at a time so that the compiler vectorises them. Compiled without contraction into fused multiply-adds.
#include "kernels/random.h"

#include "kernels/cpu/random_kernels.h"

namespace eznas::EZNAS_ISA {
namespace {

constexpr size_t kGroups = 64;

/// Numbers 4·first … 4·(first + kGroups) − 1 of a tensor.
void block(uint64_t seed, uint64_t network, uint32_t tensor, uint32_t first, float* z) {
  for (uint32_t g = 0; g < kGroups; ++g) {
    const random::Normals4 n = random::normals(random::draw(seed, network, tensor, first + g));
    z[4 * g] = n.z0;
    z[4 * g + 1] = n.z1;
    z[4 * g + 2] = n.z2;
    z[4 * g + 3] = n.z3;
  }
}

void normal(uint64_t seed, uint64_t network, uint32_t tensor, float scale, const float* base, float* out,
            size_t count) {
  constexpr size_t kBlock = 4 * kGroups;
  alignas(64) float z[kBlock];
  for (size_t start = 0; start < count; start += kBlock) {
    block(seed, network, tensor, static_cast<uint32_t>(start / 4), z);
    const size_t here = count - start < kBlock ? count - start : kBlock;
    if (base == nullptr)
      for (size_t i = 0; i < here; ++i) out[start + i] = random::multiply(scale, z[i]);
    else
      for (size_t i = 0; i < here; ++i) out[start + i] = random::add(base[start + i], random::multiply(scale, z[i]));
  }
}

}  // namespace

const RandomKernels& randomTable() {
  static constexpr RandomKernels kTable{normal};
  return kTable;
}

}  // namespace eznas::EZNAS_ISA
