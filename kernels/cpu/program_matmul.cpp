// Products of batches of matrices, in float32, each element accumulated in order of k.
//
// A block of kRows × 2 registers of C stays in registers over all k; per k it takes two loads of B and kRows broadcasts
// of A for 2·kRows multiply-adds. Columns past the last register are handled by partial loads.
#include "kernels/cpu/program_functions.h"
#include "kernels/cpu/program_math.h"

namespace eznas::EZNAS_ISA::programs {
namespace {

/// Rows and registers of a block: fits the level's registers with room for B and a broadcast.
inline constexpr int kRows = kRegisters == 32 ? 8 : 4;

/// rows × (columns registers, the last with `tail` lanes in use, 0 for all) of C.
template <int rows, int columns>
[[gnu::always_inline]] inline void block(const float* a, const float* b, float* c, size_t k, size_t lda, size_t n,
                                         size_t tail) {
  Reg sums[rows][columns] = {};
  for (size_t p = 0; p < k; ++p) {
    Reg right[columns];
    for (int j = 0; j < columns; ++j)
      right[j] =
          j + 1 == columns && tail > 0 ? loadPartial(b + p * n + j * kWidth, tail) : loadReg(b + p * n + j * kWidth);
    for (int i = 0; i < rows; ++i) {
      const Reg left = splat(a[i * lda + p]);
      for (int j = 0; j < columns; ++j) sums[i][j] += left * right[j];
    }
  }
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) {
      float* to = c + i * n + j * kWidth;
      if (j + 1 == columns && tail > 0)
        storePartial(to, sums[i][j], tail);
      else
        storeReg(to, sums[i][j]);
    }
}

template <int columns>
void strip(const float* a, const float* b, float* c, size_t m, size_t k, size_t n, size_t tail) {
  size_t i = 0;
  for (; i + kRows <= m; i += kRows) block<kRows, columns>(a + i * k, b, c + i * n, k, k, n, tail);
  if (i + 4 <= m && kRows > 4) {
    block<4, columns>(a + i * k, b, c + i * n, k, k, n, tail);
    i += 4;
  }
  if (i + 2 <= m) {
    block<2, columns>(a + i * k, b, c + i * n, k, k, n, tail);
    i += 2;
  }
  if (i < m) block<1, columns>(a + i * k, b, c + i * n, k, k, n, tail);
}

void product(const float* a, const float* b, float* c, size_t m, size_t k, size_t n) {
  size_t j = 0;
  for (; j + 2 * kWidth <= n; j += 2 * kWidth) strip<2>(a, b + j, c + j, m, k, n, 0);
  if (j + kWidth <= n) {
    strip<1>(a, b + j, c + j, m, k, n, 0);
    j += kWidth;
  }
  if (j < n) strip<1>(a, b + j, c + j, m, k, n, n - j);
}

}  // namespace

void matmul(const float* a, const float* b, float* c, const MatmulShape& s) {
  const size_t size = s.m * s.n;
  for (size_t i = 0; i < s.batch[0]; ++i)
    for (size_t j = 0; j < s.batch[1]; ++j, c += size)
      product(a + i * s.strideA[0] + j * s.strideA[1], b + i * s.strideB[0] + j * s.strideB[1], c, s.m, s.k, s.n);
}

}  // namespace eznas::EZNAS_ISA::programs
