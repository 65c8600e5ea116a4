#include "native/cuda/bench.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <span>

#include "kernels/cuda/peak.h"
#include "native/core/error.h"
#include "native/core/unit_checks.h"
#include "native/cuda/bench_timing.h"
#include "native/cuda/device_statistics.h"
#include "native/cuda/network_chunk.h"
#include "native/cuda/network_costs.h"
#include "native/cuda/network_runner.h"
#include "native/cuda/population_runner.h"
#include "native/cuda/recording.h"

namespace eznas::cuda {
namespace {

constexpr int kRounds = 5;
/// Larger than any device's cache.
constexpr size_t kCopyBytes = size_t{256} << 20;
/// Long enough that starting a kernel does not count.
constexpr double kPeakSeconds = 0.02;
constexpr int kBlocksPerMultiprocessor = 8;

double bestOf(const std::vector<double>& seconds) { return *std::min_element(seconds.begin(), seconds.end()); }

double peakOf(PeakKind kind, Device& device, Stream& stream, JobControl& control) {
  const int blocks = device.properties().multiprocessors * kBlocksPerMultiprocessor;
  const DeviceBuffer out(stream, static_cast<size_t>(blocks) * sizeof(float));
  for (int64_t iterations = 4;; iterations *= 4) {
    DeviceTimes times;
    timeRuns(device, stream, kRounds, control, times,
             [&] { launchPeak(kind, blocks, iterations, out.as<float>(), stream.get()); });
    if (bestOf(times.device) >= kPeakSeconds) return peakOperations(kind, blocks, iterations) / bestOf(times.device);
  }
}

void add(StepCost& total, const StepCost& cost) {
  total.flops += cost.flops;
  total.bytes += cost.bytes;
}

/// How many of the first networks fit the device at once.
size_t fitting(const CollectRequest& request, const Device& device) {
  const size_t budget = deviceMemoryBudget(device);
  size_t count = 0, bytes = 0;
  while (count < request.networks.size()) {
    bytes += NetworkRunner::bytesNeeded(request, count);
    if (bytes > budget) break;
    ++count;
  }
  if (count == 0) throw Error(code::kOutOfMemory, "a network to time needs more memory than the device has free");
  return count;
}

StepCost costOfNetworks(const CollectRequest& request, size_t count) {
  NetworkChunk chunk(request, 0, count, requestWants(request), request.threads);
  StepCost total;
  for (const Pass pass : kPasses) {
    if (!chunk.runs(pass)) continue;
    for (const NetworkProgram& program : chunk.set(pass).programs)
      for (const Step& step : program.steps) add(total, costOf(step, request.minibatch.batch));
  }
  return total;
}

DeviceScores scoresFor(Device& device, const Population& population, std::span<const std::vector<UnitStatistics>> units,
                       Stream& stream) {
  std::vector<size_t> counts;
  for (const std::vector<UnitStatistics>& network : units) counts.push_back(network.size());
  return {device, population.size(), offsetsOf(counts), false, stream};
}

}  // namespace

Device& benchDevice() {
  Device& device = Device::get(usableDevices().front());
  device.use();
  return device;
}

void timeRuns(Device& device, const Stream& stream, int repeats, JobControl& control, DeviceTimes& times,
              const std::function<void()>& queue) {
  Event first(device, true), last(device, true);
  for (int run = -1; run < repeats; ++run) {
    if (control.cancelled) throw Error(code::kAborted, "the operation was aborted");
    const auto start = std::chrono::steady_clock::now();
    first.record(stream);
    queue();
    last.record(stream);
    last.synchronize();
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (run < 0) continue;
    times.device.push_back(static_cast<double>(last.millisecondsSince(first)) * 1e-3);
    times.wall.push_back(wall);
  }
}

DevicePeaks measureDevice(JobControl& control) {
  Device& device = benchDevice();
  Stream stream(device);
  const size_t bytes = std::min(kCopyBytes, deviceMemoryBudget(device) / 4);
  DeviceTimes copies;
  {
    const DeviceBuffer from(stream, bytes), to(stream, bytes);
    stream.fill(from.data(), 1, bytes);
    timeRuns(device, stream, kRounds, control, copies, [&] { stream.copyOnDevice(to.data(), from.data(), bytes); });
  }
  return {device.properties().name, 2 * static_cast<double>(bytes) / bestOf(copies.device),
          peakOf(PeakKind::multiplyAdd, device, stream, control),
          peakOf(PeakKind::matrixTf32, device, stream, control)};
}

DeviceTimes timeDeviceNetworks(CollectRequest request, const Population* population, int repeats, JobControl& control) {
  Device& device = benchDevice();
  if (population != nullptr) request.tensors = population->tensorsRead();
  request.logits = false;
  validateInput(request);
  Stream stream(device);
  NetworkRunner runner(device, request.precision);
  DeviceTimes times;
  times.items = fitting(request, device);
  const StepCost cost = costOfNetworks(request, times.items);
  times.operations = cost.flops;
  times.bytes = cost.bytes;
  std::optional<PopulationRunner> programs;
  if (population != nullptr) programs.emplace(device, *population);
  std::optional<DeviceScores> scores;
  timeRuns(device, stream, repeats, control, times, [&] {
    const DeviceNetworks recorded = runner.run(request, 0, times.items, stream);
    if (!programs) return;
    if (!scores) scores.emplace(scoresFor(device, *population, recorded.networks, stream));
    programs->run(recorded.networks, *scores, 0, stream);
  });
  return times;
}

DeviceTimes timeDevicePopulation(const Recording& recording, const Population& population, int repeats,
                                 JobControl& control) {
  Device& device = benchDevice();
  const auto& parts = static_cast<const DeviceRecording&>(recording).parts();
  std::vector<std::vector<UnitStatistics>> units;
  for (const DeviceRecording::Part& part : parts)
    if (part.networks.device == device.index())
      units.insert(units.end(), part.networks.networks.begin(), part.networks.networks.end());
  // What recorded them may still be under way on a stream of the backend's.
  EZNAS_CUDA(cudaDeviceSynchronize());
  Stream stream(device);
  DeviceScores scores = scoresFor(device, population, units, stream);
  PopulationRunner runner(device, population);
  DeviceTimes times;
  times.items = units.size();
  timeRuns(device, stream, repeats, control, times, [&] { runner.run(units, scores, 0, stream); });
  return times;
}

}  // namespace eznas::cuda
