#pragma once
// G = A·Aᵀ in float64, by blocks of dot products in registers.
#include "kernels/cpu/program_kernels.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {

/// The sums of kDoubles registers' lanes, in order.
[[gnu::always_inline]] inline RegDouble lanesTotals(const RegDouble* v) {
#if defined(__AVX512F__)
  RegDouble pairs[4], quads[2];
  for (int i = 0; i < 4; ++i)
    pairs[i] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14) +
               __builtin_shufflevector(v[2 * i], v[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  for (int i = 0; i < 2; ++i)
    quads[i] = __builtin_shufflevector(pairs[2 * i], pairs[2 * i + 1], 0, 1, 4, 5, 8, 9, 12, 13) +
               __builtin_shufflevector(pairs[2 * i], pairs[2 * i + 1], 2, 3, 6, 7, 10, 11, 14, 15);
  return __builtin_shufflevector(quads[0], quads[1], 0, 1, 4, 5, 8, 9, 12, 13) +
         __builtin_shufflevector(quads[0], quads[1], 2, 3, 6, 7, 10, 11, 14, 15);
#elif defined(__AVX2__)
  RegDouble pairs[2];
  for (int i = 0; i < 2; ++i)
    pairs[i] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 4, 2, 6) +
               __builtin_shufflevector(v[2 * i], v[2 * i + 1], 1, 5, 3, 7);
  return __builtin_shufflevector(pairs[0], pairs[1], 0, 1, 4, 5) +
         __builtin_shufflevector(pairs[0], pairs[1], 2, 3, 6, 7);
#else
  return __builtin_shufflevector(v[0], v[1], 0, 2) + __builtin_shufflevector(v[0], v[1], 1, 3);
#endif
}

/// Products of rowsA rows of A from a with rowsB from b.
template <int rowsA, int rowsB>
void gramBlock(const float* a, const float* b, size_t columns, double* g, size_t stride) {
  RegDouble sums[rowsA * rowsB] = {};
  const auto add = [&](const RegDouble* left, const RegDouble* right) {
    for (int i = 0; i < rowsA; ++i)
      for (int j = 0; j < rowsB; ++j) sums[i * rowsB + j] += left[i] * right[j];
  };
  size_t c = 0;
  RegDouble left[rowsA], right[rowsB];
  for (; c + kDoubles <= columns; c += kDoubles) {
    for (int i = 0; i < rowsA; ++i) left[i] = loadDoubles(a + i * columns + c);
    for (int j = 0; j < rowsB; ++j) right[j] = loadDoubles(b + j * columns + c);
    add(left, right);
  }
  if (c < columns) {
    for (int i = 0; i < rowsA; ++i) left[i] = lowerDoubles(loadPartial(a + i * columns + c, columns - c));
    for (int j = 0; j < rowsB; ++j) right[j] = lowerDoubles(loadPartial(b + j * columns + c, columns - c));
    add(left, right);
  }
  double totals[rowsA * rowsB];
  if constexpr (rowsA * rowsB % kDoubles == 0)
    for (int i = 0; i < rowsA * rowsB; i += kDoubles) storeReg(totals + i, lanesTotals(sums + i));
  else
    for (int i = 0; i < rowsA * rowsB; ++i) totals[i] = lanesTotal(sums[i]);
  for (int i = 0; i < rowsA; ++i) std::memcpy(g + i * stride, totals + i * rowsB, rowsB * sizeof(double));
}

/// A·Aᵀ for A = x of n × columns; `stride` doubles per row of g, zeros past n.
inline void gramProduct(const float* x, size_t n, size_t columns, double* g, size_t stride) {
  constexpr size_t kBlock = kRegisters == 32 ? 4 : 2;
  for (size_t i = 0; i < n; i += kBlock)
    for (size_t j = 0; j <= i; j += kBlock) {
      if (i + kBlock <= n) {
        gramBlock<kBlock, kBlock>(x + i * columns, x + j * columns, columns, g + i * stride + j, stride);
        continue;
      }
      for (size_t r = i; r < n; ++r)
        for (size_t s = j; s < j + kBlock && s < n; ++s)
          gramBlock<1, 1>(x + r * columns, x + s * columns, columns, g + r * stride + s, stride);
    }
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i + 1; j < n; ++j) g[i * stride + j] = g[j * stride + i];
    for (size_t j = n; j < stride; ++j) g[i * stride + j] = 0;
  }
}

}  // namespace eznas::EZNAS_ISA::programs
