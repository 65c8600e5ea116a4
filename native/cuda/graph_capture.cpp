#include "native/cuda/graph_capture.h"

namespace eznas::cuda {

CapturedWork::CapturedWork(const Stream& stream, const std::function<void()>& body) {
  cudaGraph_t graph = nullptr;
  EZNAS_CUDA(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal));
  try {
    body();
  } catch (...) {
    // The stream must leave its capture, and the first error is the one to tell.
    if (cudaStreamEndCapture(stream.get(), &graph) == cudaSuccess) cudaGraphDestroy(graph);
    cudaGetLastError();
    throw;
  }
  EZNAS_CUDA(cudaStreamEndCapture(stream.get(), &graph));
  const cudaError_t error = cudaGraphInstantiate(&graph_, graph, 0);
  cudaGraphDestroy(graph);
  check(error, "cudaGraphInstantiate");
}

CapturedWork::~CapturedWork() {
  if (graph_ != nullptr) cudaGraphExecDestroy(graph_);
}

}  // namespace eznas::cuda
