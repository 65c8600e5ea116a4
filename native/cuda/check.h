#pragma once
// Failed CUDA calls as typed errors.
#include <cuda_runtime_api.h>

namespace eznas::cuda {

/// Throws what a failed call means: OUT_OF_MEMORY where the device has no more memory, NO_DEVICE where there is none
/// that can be used, else CUDA_ERROR with the call, CUDA's name and text of the error, and whether the device can still
/// be used in this process.
void check(cudaError_t error, const char* call);

/// The same for the launch of a kernel, which is named.
void checkLaunch(cudaError_t error, const void* kernel);

/// Whether an error leaves the device unusable to this process.
bool isFatal(cudaError_t error);

}  // namespace eznas::cuda

/// Checks one call of the CUDA runtime.
#define EZNAS_CUDA(call) ::eznas::cuda::check((call), #call)
