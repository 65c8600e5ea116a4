#include "kernels/cuda/program_scores.h"

#include "kernels/cuda/launch.h"

namespace eznas::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr uint8_t kOk = 0, kNonfinite = 1, kInvalid = 2;

__device__ __forceinline__ double scoreNaN() { return __longlong_as_double(0x7ff8000000000000ll); }
__device__ __forceinline__ bool isFiniteNumber(double x) { return x - x == 0; }

/// A thread per program, a row of blocks per network: neighbours read neighbouring outcomes.
__global__ void __launch_bounds__(kThreads) networkScores(ScoreTable table) {
  const uint32_t program = blockIdx.x * kThreads + threadIdx.x;
  if (program >= table.programs) return;
  for (uint32_t network = blockIdx.y; network < table.networks; network += gridDim.y) {
    const uint32_t first = table.offsets[network], end = table.offsets[network + 1];
    double sum = 0;
    bool finite = end > first, valid = true;
    for (uint32_t unit = first; unit < end; ++unit) {
      const ScoredUnit& from = table.units[unit];
      const int32_t outcome = from.outcomeOf[program];
      const double score = outcome < 0 ? scoreNaN() : from.outcomes[outcome];
      valid &= outcome >= 0;
      finite &= isFiniteNumber(score);
      sum += score;
      if (table.unitScores != nullptr) table.unitScores[program * table.unitColumns + unit] = score;
    }
    const double mean = sum / static_cast<double>(end - first);
    const bool ok = valid && finite && isFiniteNumber(mean);
    const uint64_t entry = program * table.columns + network;
    table.scores[entry] = ok ? mean : scoreNaN();
    table.status[entry] = !valid ? kInvalid : ok ? kOk : kNonfinite;
  }
}

}  // namespace

void reduceScores(const ScoreTable& table, cudaStream_t stream) {
  const unsigned rows = table.networks < 65535 ? table.networks : 65535;
  launch(networkScores, dim3((table.programs + kThreads - 1) / kThreads, rows), dim3(kThreads), 0, stream, table);
}

}  // namespace eznas::cuda
