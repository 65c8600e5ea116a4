// Signs of feature maps as bits, and how often those of two images differ: what naswot's kernel matrix is made of.
#include <bit>

#include "kernels/cpu/network_functions.h"
#include "kernels/cpu/registers.h"

namespace eznas::EZNAS_ISA {
namespace {

/// Bit l is set where p[l] > 0.
[[gnu::always_inline]] inline uint64_t positiveLanes(const float* p) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(_mm512_loadu_ps(p), _mm512_setzero_ps(), _CMP_GT_OQ);
#elif defined(__AVX2__)
  const __m256 zero = _mm256_setzero_ps();
  const auto low = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(p), zero, _CMP_GT_OQ)));
  const auto high = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(p + 8), zero, _CMP_GT_OQ)));
  return low | high << 8;
#else
  uint32_t bits = 0;
  for (uint32_t l = 0; l < kLanes; ++l) bits |= p[l] > 0 ? 1u << l : 0u;
  return bits;
#endif
}

constexpr int kPerWord = 64 / kLanes;  // pixels of a block

}  // namespace

size_t signWords(const FeatureMap& x) {
  return static_cast<size_t>(x.blocks()) * x.h * ((x.w + kPerWord - 1) / kPerWord);
}

void packSigns(const FeatureMap& x, int image, uint64_t* words) {
  for (int b = 0; b < x.blocks(); ++b) {
    for (int row = 0; row < x.h; ++row) {
      const float* p = x.at(image, b, row, 0);
      for (int col = 0; col < x.w; col += kPerWord) {
        uint64_t word = 0;
        const int end = smaller(kPerWord, x.w - col);
        for (int k = 0; k < end; ++k) word |= positiveLanes(p + (col + k) * kLanes) << (k * kLanes);
        *words++ = word;
      }
    }
  }
}

uint64_t differingBits(const uint64_t* a, const uint64_t* b, size_t words) {
  uint64_t total = 0;
  for (size_t i = 0; i < words; ++i) total += static_cast<uint64_t>(std::popcount(a[i] ^ b[i]));
  return total;
}

}  // namespace eznas::EZNAS_ISA
