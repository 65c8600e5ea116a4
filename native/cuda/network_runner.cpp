#include "native/cuda/network_runner.h"

#include <utility>
#include <vector>

#include "native/core/thread_pool.h"
#include "native/cuda/chunk_run.h"
#include "native/cuda/device.h"
#include "native/cuda/device_statistics.h"
#include "native/cuda/network_chunk.h"
#include "native/cuda/staging.h"

namespace eznas::cuda {
namespace {

int threadsFor(const CollectRequest& request) { return request.threads > 0 ? request.threads : availableThreads(); }

}  // namespace

class NetworkRunner::Implementation {
 public:
  Implementation(Device& device, Precision precision)
      : device_(device), tf32_(precision == Precision::tf32), staging_(device) {}

  DeviceNetworks run(const CollectRequest& request, size_t begin, size_t end, Stream& stream) {
    prepare();
    NetworkChunk chunk(request, begin, end, requestWants(request), threadsFor(request));
    ChunkRun run(request, chunk, tf32_, staging_, retired_, threadsFor(request), stream);
    for (const Pass pass : kPasses)
      if (chunk.runs(pass)) run.runPass(pass);
    if (chunk.runs(Pass::perturbed)) run.subtractData();
    run.finish();
    DeviceNetworks result;
    result.device = device_.index();
    result.networks = run.statistics();
    result.logits = run.logits();
    result.storage.push_back(run.takeKept());
    return result;
  }

  Gradients gradients(const CollectRequest& request, size_t index, Stream& stream) {
    prepare();
    const PassWants wants{.kinds = 0, .logits = true, .allGradients = true};
    NetworkChunk chunk(request, index, index + 1, {wants, {}, {}}, 1);
    ChunkRun run(request, chunk, tf32_, staging_, retired_, 1, stream);
    run.runPass(Pass::data);
    run.finish();
    const NetworkProgram& program = chunk.set(Pass::data).programs[0];
    const auto numbers = [&](int32_t buffer, size_t size) {
      return buffer < 0 ? std::vector<float>(size, 0.0f) : run.toHost(chunk.recorded(0, Pass::data, buffer));
    };
    Gradients result;
    result.logits = std::move(run.logits()[0][0]);
    result.input = numbers(program.inputGradient, request.minibatch.data.size());
    const Graph& graph = request.networks[index].graph;
    for (size_t p = 0; p < graph.parameters.size(); ++p)
      result.parameters.push_back(numbers(program.parameterGradients[p], graph.parameters[p].size));
    return result;
  }

 private:
  void prepare() {
    device_.use();
    retired_.prune();
  }

  Device& device_;
  bool tf32_;
  Staging staging_;
  RetiredWork retired_;
};

NetworkRunner::NetworkRunner(Device& device, Precision precision)
    : implementation_(std::make_unique<Implementation>(device, precision)) {}
NetworkRunner::NetworkRunner(NetworkRunner&&) noexcept = default;
NetworkRunner& NetworkRunner::operator=(NetworkRunner&&) noexcept = default;
NetworkRunner::~NetworkRunner() = default;

size_t NetworkRunner::bytesNeeded(const CollectRequest& request, size_t index) {
  const NetworkChunk chunk(request, index, index + 1, requestWants(request), 1);
  return (chunk.keptFloats() + chunk.scratchFloats()) * sizeof(float) + chunk.tableBytes();
}

DeviceNetworks NetworkRunner::run(const CollectRequest& request, size_t begin, size_t end, Stream& stream) {
  return implementation_->run(request, begin, end, stream);
}

Gradients NetworkRunner::gradients(const CollectRequest& request, size_t index, Stream& stream) {
  return implementation_->gradients(request, index, stream);
}

}  // namespace eznas::cuda
