#include "native/cuda/population_evaluation.h"

#include <algorithm>
#include <map>
#include <utility>

namespace eznas::cuda {
namespace {

/// Copies of the tensors that are read; units that share one on the device share its copy.
std::vector<NetworkStatistics> download(std::span<const std::vector<UnitStatistics>> networks, uint32_t read,
                                        const Stream& stream) {
  std::vector<NetworkStatistics> copies(networks.size());
  for (size_t n = 0; n < networks.size(); ++n) {
    std::map<std::pair<const float*, int64_t>, const float*> known;
    for (const UnitStatistics& unit : networks[n]) {
      UnitStatistics& copy = copies[n].units.emplace_back(UnitStatistics{unit.shapes, {}});
      for (int t = 0; t < kTensorCount; ++t) {
        const float* from = unit.tensors[static_cast<size_t>(t)];
        if ((read >> t & 1) == 0 || from == nullptr) continue;
        const int64_t count = unit.shapes.of(t).numel();
        const auto [entry, isNew] = known.try_emplace({from, count}, nullptr);
        if (isNew) {
          Buffer memory(static_cast<size_t>(count));
          stream.copyToHost(memory.data(), from, memory.size() * sizeof(float));
          entry->second = memory.data();
          copies[n].storage.push_back(std::move(memory));
        }
        copy.tensors[static_cast<size_t>(t)] = entry->second;
      }
    }
  }
  stream.synchronize();
  return copies;
}

}  // namespace

PopulationEvaluation::PopulationEvaluation(DeviceWorker& worker, const Population& population,
                                           std::vector<uint32_t> unitOffsets, const EvaluateOptions& options)
    : worker_(worker), population_(population), unitOffsets_(std::move(unitOffsets)), options_(options) {}

void PopulationEvaluation::run(std::span<const std::vector<UnitStatistics>> networks, size_t first) {
  const auto copies = download(networks, population_.tensorsRead(), worker_.stream());
  JobControl control;
  done_.push_back({first, eznas::evaluate(copies, population_, options_, control)});
}

void PopulationEvaluation::finish(ScoreMatrix& matrix) {
  for (const auto& [first, scores] : done_) {
    const size_t units = options_.unitScores ? scores.unitOffsets.back() : 0;
    for (size_t program = 0; program < matrix.programs; ++program) {
      const size_t from = program * scores.networks, to = program * matrix.networks + first;
      std::copy_n(scores.scores.begin() + static_cast<int64_t>(from), scores.networks,
                  matrix.scores.begin() + static_cast<int64_t>(to));
      std::copy_n(scores.status.begin() + static_cast<int64_t>(from), scores.networks,
                  matrix.status.begin() + static_cast<int64_t>(to));
      if (units > 0)
        std::copy_n(scores.unitScores.begin() + static_cast<int64_t>(program * units), units,
                    matrix.unitScores.begin() +
                        static_cast<int64_t>(program * matrix.unitOffsets.back() + matrix.unitOffsets[first]));
    }
  }
}

}  // namespace eznas::cuda
