#include "native/cuda/check.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "native/core/error.h"

namespace eznas::cuda {
namespace {

std::string describe(cudaError_t error) {
  return std::string(cudaGetErrorName(error)) + " (" + cudaGetErrorString(error) + ")";
}

[[noreturn]] void fail(cudaError_t error, const std::string& what) {
  const std::string description = describe(error);
  // Otherwise it would be reported again by the next call that only asks for the last error.
  cudaGetLastError();
  if (error == cudaErrorMemoryAllocation) {
    throw Error(code::kOutOfMemory,
                what + " failed: the device gives no more memory; ask for fewer networks or programs at once");
  }
  if (error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver || error == cudaErrorInvalidDevice) {
    throw Error(code::kNoDevice, what + " failed: " + description);
  }
  throw Error(code::kCudaError, what + " failed: " + description +
                                    (isFatal(error) ? "; this process cannot use the device any more, start it again"
                                                    : "; the device can still be used"));
}

}  // namespace

bool isFatal(cudaError_t error) {
  // Those after which every call gives the same error until the process ends (CUDA Runtime API, cudaError_t): ECC,
  // illegal address, timeout, assertion, stack, instruction, alignment, address space, program counter, launch failure.
  static constexpr int kFatal[] = {214, 700, 702, 710, 714, 715, 716, 717, 718, 719};
  return std::find(std::begin(kFatal), std::end(kFatal), static_cast<int>(error)) != std::end(kFatal);
}

void check(cudaError_t error, const char* call) {
  if (error == cudaSuccess) return;
  const std::string text = call;
  fail(error, text.substr(0, text.find('(')));
}

void checkLaunch(cudaError_t error, const void* kernel) {
  if (error == cudaSuccess) return;
  const char* name = nullptr;
  if (cudaFuncGetName(&name, kernel) != cudaSuccess || name == nullptr) name = "?";
  fail(error, std::string("launching the kernel ") + name);
}

}  // namespace eznas::cuda
