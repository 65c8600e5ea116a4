#pragma once
// How kernels are started: the one place that differs between nvcc and the host shim of test/shim.
#include <cuda_runtime.h>

#include <cstddef>
#include <string>
#include <tuple>

#include "native/cuda/check.h"

#if defined(EZNAS_SHIM)
#include <functional>
#include <memory>

#include "shim.h"
#define EZNAS_DYNAMIC_SHARED(type, name) type* name = static_cast<type*>(::eznas::shim::dynamicShared())
#else
/// The block's dynamic shared memory as an array, 16-byte aligned.
#define EZNAS_DYNAMIC_SHARED(type, name)                              \
  extern __shared__ __align__(16) unsigned char eznasDynamicShared[]; \
  type* name = reinterpret_cast<type*>(eznasDynamicShared)
#endif

namespace eznas::cuda {

/// Dynamic shared memory that needs no opt-in.
inline constexpr size_t kDefaultDynamicShared = 48 << 10;

/// Starts a kernel on a stream of the current device; a grid without blocks starts nothing. Asks for more than 48 KB of
/// dynamic shared memory itself. Throws Error(CUDA_ERROR) naming the kernel, OUT_OF_MEMORY where the device has no
/// memory for the launch.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t sharedBytes, cudaStream_t stream,
            Arguments&&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  const void* const function = reinterpret_cast<const void*>(kernel);
  if (sharedBytes > kDefaultDynamicShared)
    checkLaunch(
        cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(sharedBytes)),
        function);
#if defined(EZNAS_SHIM)
  auto invocation = std::make_shared<const std::function<void()>>(
      [kernel, held = std::tuple<Parameters...>(std::forward<Arguments>(arguments)...)] { std::apply(kernel, held); });
  checkLaunch(shim::enqueueLaunch(function, grid, block, sharedBytes, stream, std::move(invocation)), function);
#else
  std::tuple<Parameters...> held(std::forward<Arguments>(arguments)...);
  std::apply(
      [&](Parameters&... each) {
        void* pointers[] = {const_cast<void*>(static_cast<const void*>(&each))..., nullptr};
        checkLaunch(cudaLaunchKernel(function, grid, block, pointers, sharedBytes, stream), function);
      },
      held);
#endif
}

}  // namespace eznas::cuda
