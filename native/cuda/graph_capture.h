#pragma once
#include <cuda_runtime_api.h>

#include <functional>
#include <utility>

#include "native/cuda/device.h"

namespace eznas::cuda {

/// Work of a stream, captured once and started as a whole as often as wanted.
class CapturedWork {
 public:
  /// Captures what `body` queues on the stream; nothing runs.
  CapturedWork(const Stream& stream, const std::function<void()>& body);
  CapturedWork(CapturedWork&& other) noexcept : graph_(std::exchange(other.graph_, nullptr)) {}
  CapturedWork& operator=(CapturedWork&& other) noexcept {
    std::swap(graph_, other.graph_);
    return *this;
  }
  ~CapturedWork();
  void start(const Stream& stream) const { EZNAS_CUDA(cudaGraphLaunch(graph_, stream.get())); }

 private:
  cudaGraphExec_t graph_ = nullptr;
};

}  // namespace eznas::cuda
