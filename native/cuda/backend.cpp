#include "native/cuda/backend.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "native/core/error.h"
#include "native/core/unit_checks.h"
#include "native/cuda/chunk_queue.h"
#include "native/cuda/population_evaluation.h"
#include "native/cuda/recording.h"

namespace eznas::cuda {
namespace {

using Workers = std::vector<std::unique_ptr<DeviceWorker>>;
using Evaluations = std::vector<std::unique_ptr<PopulationEvaluation>>;  // by worker

/// Bytes that each network adds to a run. Throws Error(TOO_LARGE) for one that no device can hold.
std::vector<size_t> bytesNeeded(const CollectRequest& request, const Workers& workers) {
  size_t most = 0;
  for (const auto& worker : workers) most = std::max(most, worker->device().properties().memory);
  std::vector<size_t> bytes(request.networks.size());
  JobControl control;
  parallelFor(bytes.size(), request.threads, control,
              [&](size_t index, int) { bytes[index] = NetworkRunner::bytesNeeded(request, index); });
  for (size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] > most)
      throw Error(code::kTooLarge, "network " + std::to_string(i) + " needs " + std::to_string(bytes[i] / 1000000) +
                                       " MB of device memory at batch " + std::to_string(request.minibatch.batch) +
                                       "; the device has " + std::to_string(most / 1000000) + " MB");
  return bytes;
}

size_t bytesOf(const NetworkStatistics& network) {
  size_t bytes = 0;
  for (const UnitStatistics& unit : network.units)
    for (int t = 0; t < kTensorCount; ++t)
      if (unit.tensors[static_cast<size_t>(t)] != nullptr)
        bytes += (static_cast<size_t>(unit.shapes.of(t).numel()) * sizeof(float) + 255) / 256 * 256;
  return bytes;
}

/// Networks copied to a device, each tensor by itself.
DeviceNetworks upload(std::span<const NetworkStatistics> networks, const Stream& stream) {
  DeviceNetworks result;
  result.device = stream.device().index();
  for (const NetworkStatistics& network : networks) {
    std::vector<UnitStatistics>& units = result.networks.emplace_back(network.units);
    result.logits.push_back(network.logits);
    const size_t bytes = bytesOf(network);
    if (bytes == 0) continue;
    auto* at = result.storage.emplace_back(stream, bytes).as<std::byte>();
    for (UnitStatistics& unit : units)
      for (int t = 0; t < kTensorCount; ++t) {
        const float*& tensor = unit.tensors[static_cast<size_t>(t)];
        if (tensor == nullptr) continue;
        const size_t size = static_cast<size_t>(unit.shapes.of(t).numel()) * sizeof(float);
        stream.copyToDevice(at, tensor, size);
        tensor = reinterpret_cast<const float*>(at);
        at += (size + 255) / 256 * 256;
      }
  }
  stream.synchronize();
  return result;
}

class CudaBackend final : public Backend {
 public:
  CudaBackend() {
    for (const int index : usableDevices()) workers_.push_back(std::make_unique<DeviceWorker>(index));
  }

  const char* name() const override { return "cuda"; }

  std::shared_ptr<const Recording> record(const CollectRequest& request, JobControl& control) override {
    validateInput(request);
    std::vector<DeviceRecording::Part> parts;
    std::mutex mutex;
    runChunks(workers_, bytesNeeded(request, workers_), control, [&](size_t device, size_t begin, size_t end) {
      DeviceWorker& worker = *workers_[device];
      DeviceNetworks networks = worker.runner(request.precision).run(request, begin, end, worker.stream());
      const std::lock_guard lock(mutex);
      parts.push_back({device, begin, std::move(networks)});
    });
    return std::make_shared<DeviceRecording>(*this, workers_, std::move(parts));
  }

  std::shared_ptr<const Recording> adopt(std::vector<NetworkStatistics> networks) override {
    std::vector<size_t> bytes;
    bytes.reserve(networks.size());
    for (const NetworkStatistics& network : networks) bytes.push_back(bytesOf(network));
    std::vector<DeviceRecording::Part> parts;
    std::mutex mutex;
    JobControl control;
    runChunks(workers_, bytes, control, [&](size_t device, size_t begin, size_t end) {
      DeviceNetworks copies = upload(std::span(networks).subspan(begin, end - begin), workers_[device]->stream());
      const std::lock_guard lock(mutex);
      parts.push_back({device, begin, std::move(copies)});
    });
    return std::make_shared<DeviceRecording>(*this, workers_, std::move(parts));
  }

  ScoreMatrix evaluate(const Recording& recording, const Population& population, const EvaluateOptions& options,
                       JobControl& control) override {
    const auto& parts = static_cast<const DeviceRecording&>(recording).parts();
    std::vector<size_t> unitCounts;
    for (const DeviceRecording::Part& part : parts)
      for (size_t i = 0; i < part.networks.networks.size(); ++i) {
        const std::vector<UnitStatistics>& units = part.networks.networks[i];
        unitCounts.push_back(units.size());
        for (size_t u = 0; u < units.size(); ++u) {
          validateUnit(units[u].shapes, part.first + i, u);
          validateTensors(units[u], population.tensorsRead(), part.first + i, u);
        }
      }
    ScoreMatrix matrix = emptyMatrix(population.size(), offsetsOf(unitCounts), options.unitScores);
    Evaluations evaluations = evaluationsFor(population, matrix.unitOffsets, options);
    forEachDevice(control, [&](size_t device) {
      DeviceWorker& worker = *workers_[device];
      std::optional<Event> queued;  // behind the part before
      size_t networks = 0;
      const auto settle = [&] {
        if (!queued) return;
        queued->synchronize();
        const size_t done = control.done.fetch_add(networks) + networks;
        if (control.onProgress) control.onProgress(done);
      };
      for (const DeviceRecording::Part& part : parts) {
        if (part.worker != device || control.cancelled) continue;
        Event behind(worker.device());
        {
          const std::lock_guard turn(worker.turn());
          evaluations[device]->run(part.networks.networks, part.first);
          behind.record(worker.stream());
        }
        settle();
        queued = std::move(behind);
        networks = part.networks.networks.size();
      }
      settle();
    });
    finish(evaluations, matrix);
    return matrix;
  }

  ScoreMatrix score(CollectRequest request, const Population& population, const EvaluateOptions& options,
                    JobControl& control) override {
    request.tensors = population.tensorsRead();
    request.logits = false;
    validateInput(request);
    std::vector<size_t> unitCounts;
    for (size_t n = 0; n < request.networks.size(); ++n) {
      const std::vector<UnitShapes> shapes = unitShapes(request.networks[n].graph, request.minibatch.batch);
      unitCounts.push_back(shapes.size());
      for (size_t u = 0; u < shapes.size(); ++u) validateUnit(shapes[u], n, u);
    }
    ScoreMatrix matrix = emptyMatrix(population.size(), offsetsOf(unitCounts), options.unitScores);
    Evaluations evaluations = evaluationsFor(population, matrix.unitOffsets, options);
    runChunks(workers_, bytesNeeded(request, workers_), control, [&](size_t device, size_t begin, size_t end) {
      DeviceWorker& worker = *workers_[device];
      const DeviceNetworks networks = worker.runner(request.precision).run(request, begin, end, worker.stream());
      evaluations[device]->run(networks.networks, begin);
    });
    finish(evaluations, matrix);
    return matrix;
  }

  Gradients gradients(const CollectRequest& request) override {
    validateInput(request);
    bytesNeeded(request, workers_);
    DeviceWorker& worker = *workers_[0];
    const std::lock_guard turn(worker.turn());
    return worker.runner(request.precision).gradients(request, 0, worker.stream());
  }

 private:
  Evaluations evaluationsFor(const Population& population, const std::vector<uint32_t>& offsets,
                             const EvaluateOptions& options) {
    Evaluations evaluations;
    for (const auto& worker : workers_) {
      const std::lock_guard turn(worker->turn());
      evaluations.push_back(std::make_unique<PopulationEvaluation>(*worker, population, offsets, options.unitScores));
    }
    return evaluations;
  }

  void finish(Evaluations& evaluations, ScoreMatrix& matrix) {
    for (size_t device = 0; device < workers_.size(); ++device) {
      const std::lock_guard turn(workers_[device]->turn());
      evaluations[device]->finish(matrix);
    }
  }

  void forEachDevice(JobControl& control, const std::function<void(size_t)>& body) {
    JobControl own;
    parallelFor(workers_.size(), static_cast<int>(workers_.size()), own, [&](size_t device, int) {
      workers_[device]->device().use();
      body(device);
    });
    if (control.cancelled) throw Error(code::kAborted, "the job was cancelled");
  }

  Workers workers_;
};

}  // namespace

Backend& cudaBackend() {
  static std::mutex mutex;
  // Never destroyed: when the process ends, the CUDA runtime may be gone before this file's statics.
  static CudaBackend* backend = nullptr;
  const std::lock_guard lock(mutex);
  if (backend == nullptr) backend = new CudaBackend;
  return *backend;
}

}  // namespace eznas::cuda
