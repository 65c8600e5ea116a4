#pragma once
// Rank correlation of every program's scores with one list of accuracies.
#include <cuda_runtime_api.h>

#include <cstdint>

namespace eznas::cuda {

/// Networks that a comparison may have, so that sums of products of ranks fit 64 bits.
inline constexpr uint32_t kMostRanked = 1u << 20;

/// Sums over a program's networks, exact.
struct RankSums {
  long long difference;  // concordant less discordant pairs, counted twice
  long long tied;        // pairs of equal scores, counted twice
  long long product;     // Σ of the products of centred ranks, each counted twice: fourfold
  long long square;      // Σ of the squares of the scores' ranks, likewise
  long long nan;         // scores that are NaN
};

/// `scores` has a row of `count` values for each program, rows `columns` apart; `ranks` are those of the accuracies,
/// twice each (a mean of tied ranks may be half a number), from 2 on. count ≤ kMostRanked.
void rankSums(const double* scores, uint64_t columns, const int32_t* ranks, uint32_t count, uint32_t programs,
              RankSums* sums, cudaStream_t stream);

}  // namespace eznas::cuda
