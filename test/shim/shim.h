#pragma once
// What tests and kernels/cuda/launch.h ask of the shim beyond the CUDA runtime's own interface.
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "cuda_runtime_api.h"

namespace eznas::shim {

/// A kernel with its arguments: called once per thread of the grid.
using Invocation = std::shared_ptr<const std::function<void()>>;

/// What <<<>>> does: checks the configuration and enqueues; nothing runs before the stream is synchronised.
cudaError_t enqueueLaunch(const void* kernel, dim3 grid, dim3 block, size_t dynamicShared, cudaStream_t stream,
                          Invocation invocation);

/// Makes the nth call (1: the next) of a runtime function, named as in the API ("cudaLaunchKernel" for launches), give
/// this error. cudaErrorIllegalAddress and cudaErrorLaunchFailure are sticky: all later calls on the device give them.
void failCall(const std::string& call, int nth, cudaError_t error);

/// Forgets errors, injected failures and sticky states, and reads the EZNAS_SHIM_* variables again.
void reset();

/// Describes the first guard zone of device memory found overwritten, or "" where all are whole.
std::string damagedGuard();

/// Bytes of device memory allocated on a device, and the number of allocations.
size_t allocatedBytes(int device);
size_t allocationCount(int device);

/// Kernels that ran since the last reset.
size_t launches();

}  // namespace eznas::shim
