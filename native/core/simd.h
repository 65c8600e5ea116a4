#pragma once
#include <string>
#include <vector>

namespace eznas {

enum class SimdLevel { baseline, avx2, avx512 };

/// Levels this machine can run, lowest first.
std::vector<SimdLevel> supportedSimdLevels();
/// The level in use: the highest supported, or the one that the environment variable EZNAS_SIMD names (baseline, avx2,
/// avx512). Throws Error(INVALID_ARGUMENT) when it names one that is unknown or unsupported.
SimdLevel simdLevel();
const char* name(SimdLevel level);

struct NetworkKernels;  // kernels/cpu/network_kernels.h
const NetworkKernels& networkKernels(SimdLevel level);
struct ProgramKernels;  // kernels/cpu/program_kernels.h
const ProgramKernels& programKernels(SimdLevel level);
struct RandomKernels;  // kernels/cpu/random_kernels.h
const RandomKernels& randomKernels(SimdLevel level);

}  // namespace eznas
