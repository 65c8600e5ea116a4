#include "native/core/recorder.h"

#include <algorithm>
#include <cstring>

namespace eznas {
Recorder::Recorder(const Graph& graph, int batch, uint32_t tensors, const NetworkKernels& kernels)
    : tensors_(tensors), kernels_(kernels), data_(graph.units.size()) {
  for (const UnitShapes& shapes : unitShapes(graph, batch)) units_.push_back({shapes, {}});
}

void Recorder::beginPass(Pass pass) {
  pass_ = pass;
  shared_.clear();
}

bool Recorder::kept(Kind kind) const { return (tensors_ >> tensorOf(indexOf(kind), pass_) & 1) != 0; }

size_t Recorder::floats(int unit, Kind kind) const {
  return static_cast<size_t>(units_[static_cast<size_t>(unit)].shapes.of(tensorOf(indexOf(kind), pass_)).numel());
}

void Recorder::enter(int unit, Kind kind, const float* data) {
  if (pass_ == Pass::data) data_[static_cast<size_t>(unit)][indexOf(kind)] = data;
  if (kept(kind)) units_[static_cast<size_t>(unit)].tensors[static_cast<size_t>(tensorOf(indexOf(kind), pass_))] = data;
}

float* Recorder::place(int unit, Kind kind) {
  float* data = (kept(kind) ? storage_ : aside_).allocate(floats(unit, kind));
  enter(unit, kind, data);
  return data;
}

const float* Recorder::base(int unit, Kind kind) const {
  return pass_ == Pass::perturbed ? data_[static_cast<size_t>(unit)][indexOf(kind)] : nullptr;
}

void Recorder::share(int unit, Kind kind, const FeatureMap& map, uint64_t serial) {
  const auto [entry, isNew] = shared_.try_emplace({serial, kept(kind)}, nullptr);
  if (!isNew) return enter(unit, kind, entry->second);
  copy(unit, kind, map);
  const size_t u = static_cast<size_t>(unit);
  entry->second =
      kept(kind) ? units_[u].tensors[static_cast<size_t>(tensorOf(indexOf(kind), pass_))] : data_[u][indexOf(kind)];
}

void Recorder::copy(int unit, Kind kind, const FeatureMap& map) {
  kernels_.unpack(map, base(unit, kind), place(unit, kind));
}

void Recorder::copyMasked(int unit, Kind kind, const FeatureMap& gradient, const FeatureMap& activation) {
  kernels_.unpackMasked(gradient, activation, base(unit, kind), place(unit, kind));
}

void Recorder::copyPlain(int unit, Kind kind, const float* plain) {
  const size_t count = floats(unit, kind);
  const float* less = base(unit, kind);
  float* out = place(unit, kind);
  if (less == nullptr)
    std::memcpy(out, plain, count * sizeof(float));
  else
    for (size_t i = 0; i < count; ++i) out[i] = plain[i] - less[i];
}

void Recorder::endPass() {
  const uint32_t kinds = kindsOf(tensors_, pass_);
  for (size_t u = 0; u < units_.size(); ++u) {
    for (size_t k = 0; k < kKindCount; ++k) {
      const auto tensor = static_cast<size_t>(tensorOf(k, pass_));
      if ((kinds >> k & 1) == 0 || units_[u].tensors[tensor] != nullptr) continue;
      if (zeros_.empty()) {
        int64_t most = 1;
        for (const UnitStatistics& unit : units_)
          most = std::max({most, unit.shapes.of(kT1D).numel(), unit.shapes.before.numel(), unit.shapes.weight.numel(),
                           unit.shapes.after.numel()});
        float* data = storage_.allocate(static_cast<size_t>(most));
        std::memset(data, 0, static_cast<size_t>(most) * sizeof(float));
        zeros_ = {data, static_cast<size_t>(most)};
      }
      units_[u].tensors[tensor] = zeros_.data();
    }
  }
}

NetworkStatistics Recorder::take() {
  NetworkStatistics statistics;
  statistics.units = std::move(units_);
  statistics.storage = storage_.release();
  return statistics;
}

}  // namespace eznas
