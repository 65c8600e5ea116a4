#pragma once
// Transposition of 16 × 16 floats in registers. Shuffles stay within 128-bit lanes for two stages (pairs of floats,
// then pairs of pairs: 4 × 4 transposes); the remaining stages exchange whole lanes. An AVX-512 block costs 64 shuffles
// against 16 loads and 16 stores, two shuffles a cycle.
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {

#if defined(__AVX512F__)
#define EZNAS_SHUFFLE(name, ...) \
  [[gnu::always_inline]] inline Reg name(Reg a, Reg b) { return __builtin_shufflevector(a, b, __VA_ARGS__); }
EZNAS_SHUFFLE(lowFloats, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
EZNAS_SHUFFLE(highFloats, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
EZNAS_SHUFFLE(lowPairs, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
EZNAS_SHUFFLE(highPairs, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
EZNAS_SHUFFLE(evenLanes, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
EZNAS_SHUFFLE(oddLanes, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
#elif defined(__AVX2__)
#define EZNAS_SHUFFLE(name, ...) \
  [[gnu::always_inline]] inline Reg name(Reg a, Reg b) { return __builtin_shufflevector(a, b, __VA_ARGS__); }
EZNAS_SHUFFLE(lowFloats, 0, 8, 1, 9, 4, 12, 5, 13)
EZNAS_SHUFFLE(highFloats, 2, 10, 3, 11, 6, 14, 7, 15)
EZNAS_SHUFFLE(lowPairs, 0, 1, 8, 9, 4, 5, 12, 13)
EZNAS_SHUFFLE(highPairs, 2, 3, 10, 11, 6, 7, 14, 15)
EZNAS_SHUFFLE(evenLanes, 0, 1, 2, 3, 8, 9, 10, 11)
EZNAS_SHUFFLE(oddLanes, 4, 5, 6, 7, 12, 13, 14, 15)
#else
#define EZNAS_SHUFFLE(name, ...) \
  [[gnu::always_inline]] inline Reg name(Reg a, Reg b) { return __builtin_shufflevector(a, b, __VA_ARGS__); }
EZNAS_SHUFFLE(lowFloats, 0, 4, 1, 5)
EZNAS_SHUFFLE(highFloats, 2, 6, 3, 7)
EZNAS_SHUFFLE(lowPairs, 0, 1, 4, 5)
EZNAS_SHUFFLE(highPairs, 2, 3, 6, 7)
#endif
#undef EZNAS_SHUFFLE

/// Transposes kWidth × kWidth floats in place.
[[gnu::always_inline]] inline void transposeSquare(Reg (&v)[kWidth]) {
  Reg u[kWidth];  // u[4g + k], lane L: column 4L + k of rows 4g … 4g + 3
#pragma GCC unroll 4
  for (int g = 0; g < kWidth; g += 4) {
    const Reg a = lowFloats(v[g], v[g + 1]), b = highFloats(v[g], v[g + 1]);
    const Reg c = lowFloats(v[g + 2], v[g + 3]), d = highFloats(v[g + 2], v[g + 3]);
    u[g] = lowPairs(a, c), u[g + 1] = highPairs(a, c), u[g + 2] = lowPairs(b, d), u[g + 3] = highPairs(b, d);
  }
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
#if defined(__AVX512F__)
    const Reg a = evenLanes(u[k], u[4 + k]), b = evenLanes(u[8 + k], u[12 + k]);
    const Reg c = oddLanes(u[k], u[4 + k]), d = oddLanes(u[8 + k], u[12 + k]);
    v[k] = evenLanes(a, b), v[8 + k] = oddLanes(a, b), v[4 + k] = evenLanes(c, d), v[12 + k] = oddLanes(c, d);
#elif defined(__AVX2__)
    v[k] = evenLanes(u[k], u[4 + k]), v[4 + k] = oddLanes(u[k], u[4 + k]);
#else
    v[k] = u[k];
#endif
  }
}

/// Calls write(row, first column of a register, the register) for every row of the transpose of the 16 × 16 block that
/// read(row, first column) gives a register at a time.
template <class Read, class Write>
[[gnu::always_inline]] inline void transposeBlock(Read read, Write write) {
  for (int row = 0; row < kLanes; row += kWidth) {
    for (int col = 0; col < kLanes; col += kWidth) {
      Reg v[kWidth];
#pragma GCC unroll 16
      for (int k = 0; k < kWidth; ++k) v[k] = read(row + k, col);
      transposeSquare(v);
#pragma GCC unroll 16
      for (int k = 0; k < kWidth; ++k) write(col + k, row, v[k]);
    }
  }
}

}  // namespace eznas::EZNAS_ISA
