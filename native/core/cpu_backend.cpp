#include <utility>

#include "native/core/backend.h"

namespace eznas {
namespace {

class HostRecording final : public Recording {
 public:
  explicit HostRecording(std::vector<NetworkStatistics> statistics) : statistics_(std::move(statistics)) {}
  const std::vector<NetworkStatistics>& statistics() const { return statistics_; }

  Backend& backend() const override { return cpuBackend(); }
  size_t networks() const override { return statistics_.size(); }
  size_t units(size_t network) const override { return statistics_[network].units.size(); }
  const UnitShapes& shapes(size_t network, size_t unit) const override {
    return statistics_[network].units[unit].shapes;
  }
  size_t bytes() const override {
    size_t floats = 0;
    for (const NetworkStatistics& network : statistics_)
      for (const Buffer& buffer : network.storage) floats += buffer.size();
    return floats * sizeof(float);
  }
  std::optional<std::vector<float>> tensor(size_t network, size_t unit, int tensor) const override {
    const UnitStatistics& found = statistics_[network].units[unit];
    const float* data = found.tensors[static_cast<size_t>(tensor)];
    if (data == nullptr) return std::nullopt;
    return std::vector<float>(data, data + found.shapes.of(tensor).numel());
  }
  const std::vector<float>& logits(size_t network, size_t pass) const override {
    return statistics_[network].logits[pass];
  }

 private:
  std::vector<NetworkStatistics> statistics_;
};

class CpuBackend final : public Backend {
 public:
  const char* name() const override { return "cpu"; }

  std::shared_ptr<const Recording> record(const CollectRequest& request, JobControl& control) override {
    validate(request);
    std::vector<NetworkStatistics> networks(request.networks.size());
    parallelFor(networks.size(), request.threads, control,
                [&](size_t index, int) { networks[index] = collectNetwork(request, index); });
    return adopt(std::move(networks));
  }

  std::shared_ptr<const Recording> adopt(std::vector<NetworkStatistics> networks) override {
    return std::make_shared<HostRecording>(std::move(networks));
  }

  ScoreMatrix evaluate(const Recording& recording, const Population& population, const EvaluateOptions& options,
                       JobControl& control) override {
    return eznas::evaluate(static_cast<const HostRecording&>(recording).statistics(), population, options, control);
  }

  ScoreMatrix score(CollectRequest request, const Population& population, const EvaluateOptions& options,
                    JobControl& control) override {
    return scoreNetworks(std::move(request), population, options, control);
  }

  Gradients gradients(const CollectRequest& request) override {
    validate(request);
    return eznas::gradients(request, 0);
  }
};

}  // namespace

Backend& cpuBackend() {
  static CpuBackend backend;
  return backend;
}

}  // namespace eznas
