#include "kernels/cuda/program_interpreter.h"

#include <algorithm>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/program_block.cuh"
#include "kernels/cuda/program_cosine.cuh"
#include "kernels/cuda/program_determinant.cuh"
#include "kernels/cuda/program_eigen.cuh"
#include "kernels/cuda/program_gram.cuh"
#include "kernels/cuda/program_matmul.cuh"
#include "kernels/cuda/program_softmax.cuh"
#include "kernels/cuda/program_tiles.cuh"

namespace eznas::cuda {
namespace {

/// Blocks that one multiprocessor is to hold: 64 registers a thread.
constexpr int kResidentBlocks = 4;

EZNAS_DEVICE_PART elementwiseStep() {
  const BlockState& block = blockState();
  const StepCode& step = currentStep(block);
  runLoop(block, *codeAt<LoopCode>(block, step.at), step.kind == StepKind::singles);
}
EZNAS_DEVICE_PART matmulStep() {
  const BlockState& block = blockState();
  const MatrixCode& step = currentMatrix(block);
  runMatmul(step, addressOf(block, step.a), addressOf(block, step.b), addressOf(block, step.out));
}
EZNAS_DEVICE_PART softmaxStep() {
  const BlockState& block = blockState();
  const MatrixCode& step = currentMatrix(block);
  runSoftmax(step, addressOf(block, step.a), addressOf(block, step.out));
}
EZNAS_DEVICE_PART cosineStep() {
  BlockState& block = blockState();
  const MatrixCode& step = currentMatrix(block);
  runCosine(step, addressOf(block, step.a), addressOf(block, step.b), addressOf(block, step.out), block.sums);
}

__device__ __forceinline__ void runStep() {
  const BlockState& block = blockState();
  if (currentStep(block).kind != StepKind::matrix) return elementwiseStep();
  switch (currentMatrix(block).op) {
    case MatrixOpcode::matmul:
      return matmulStep();
    case MatrixOpcode::determinant:
    case MatrixOpcode::logDeterminant:
    case MatrixOpcode::logMagnitude:
      return runDeterminants(block, currentMatrix(block));
    case MatrixOpcode::gramRatio:
      return runGramRatio(block);
    case MatrixOpcode::gram:
    case MatrixOpcode::covariance:
      return runGram(block);
    case MatrixOpcode::spectralEntropy:
    case MatrixOpcode::participationRatio:
      return runSpectrum(block);
    case MatrixOpcode::softmax:
      return softmaxStep();
    case MatrixOpcode::cosine:
      return cosineStep();
  }
}

__device__ __forceinline__ void writeConstants() {
  const BlockState& block = blockState();
  const GroupCode& group = *codeAt<GroupCode>(block, 0);
  for (uint32_t i = threadIdx.x; i < group.constantCount; i += kBlockThreads) {
    const ConstantCode constant = codeAt<ConstantCode>(block, group.constants)[i];
    *addressOf(block, constant.place) = constant.value;
  }
}

__device__ __forceinline__ void writeOutcomes() {
  const BlockState& block = blockState();
  const GroupCode& group = *codeAt<GroupCode>(block, 0);
  for (uint32_t i = threadIdx.x; i < group.outcomeCount; i += kBlockThreads) {
    const OutcomeCode outcome = codeAt<OutcomeCode>(block, group.outcomes)[i];
    block.outcomes[outcome.outcome] = *addressOf(block, outcome.place);
  }
}

/// Takes the next item from the queue, or the number of items where there is none.
__device__ __forceinline__ unsigned nextItem(const PopulationWork& work) {
  if (blockIdx.x < work.largeBlocks) {
    const unsigned large = atomicAdd(work.taken, 1u);
    if (large < work.largeItems) return large;
  }
  const unsigned other = work.largeItems + atomicAdd(work.taken + 1, 1u);
  return min(other, work.itemCount);
}

__global__ void __launch_bounds__(kBlockThreads, kResidentBlocks) interpretPrograms(PopulationWork work) {
  BlockState& block = blockState();
  for (;;) {
    if (threadIdx.x == 0) block.item = nextItem(work);
    __syncthreads();
    if (block.item >= work.itemCount) return;
    const WorkItem item = work.items[block.item];
    const UnitCode& unit = work.units[item.unit];
    if (threadIdx.x == 0) {
      block.workFloats = work.sharedFloats - kWorkFloats;
      block.code = item.code;
      block.step = 0;
      block.outcomes = work.outcomes + unit.outcomes;
      block.scratch = block.item < work.largeItems ? work.largeScratch + blockIdx.x * work.largeScratchFloats
                                                   : work.scratch + blockIdx.x * work.scratchFloats;
    }
    if (threadIdx.x < kTensorCount) block.tensors[threadIdx.x] = unit.tensors[threadIdx.x];
    __syncthreads();

    writeConstants();
    __syncthreads();
    while (block.step < codeAt<GroupCode>(block, 0)->stepCount) {
      runStep();
      __syncthreads();
      if (threadIdx.x == 0) ++block.step;
      __syncthreads();
    }
    writeOutcomes();
    __syncthreads();
  }
}

/// Shared memory that blocks should have before more of them stay on a multiprocessor.
constexpr int kWantedShared = 32 << 10;

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  EZNAS_CUDA(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

}  // namespace

InterpreterShape interpreterShape() {
  int device = 0;
  EZNAS_CUDA(cudaGetDevice(&device));
  const int perMultiprocessor = attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor, device);
  const int perBlock = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  const int reserved = attribute(cudaDevAttrReservedSharedMemoryPerBlock, device);
  const void* const kernel = reinterpret_cast<const void*>(interpretPrograms);
  cudaFuncAttributes attributes{};
  EZNAS_CUDA(cudaFuncGetAttributes(&attributes, kernel));

  const int wanted = std::clamp(perMultiprocessor / kWantedShared, 1, kResidentBlocks);
  const int fixed = reserved + static_cast<int>(attributes.sharedSizeBytes);
  const int bytes =
      std::min(perMultiprocessor / wanted - fixed, perBlock - static_cast<int>(attributes.sharedSizeBytes)) / 1024 *
      1024;
  EZNAS_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  int resident = 0;
  EZNAS_CUDA(
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel, kBlockThreads, static_cast<size_t>(bytes)));
  return {static_cast<uint32_t>(bytes) / static_cast<uint32_t>(sizeof(float)),
          std::max(resident, 1) * attribute(cudaDevAttrMultiProcessorCount, device)};
}

void evaluatePopulation(const PopulationWork& work, int blocks, cudaStream_t stream) {
  launch(interpretPrograms, dim3(static_cast<unsigned>(blocks)), dim3(kBlockThreads), work.sharedFloats * sizeof(float),
         stream, work);
}

}  // namespace eznas::cuda
