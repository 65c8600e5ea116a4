#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "native/core/collect.h"
#include "native/core/feature_pool.h"
#include "native/core/passes.h"

namespace eznas {

/// Writes one network's tensors into plain row-major storage while its passes run. Pass D comes before pass P, whose
/// tensors are recorded less those of D; D tensors that nobody asked for are kept aside until the recorder goes.
class Recorder {
 public:
  Recorder(const Graph& graph, int batch, uint32_t tensors, const NetworkKernels& kernels);

  void beginPass(Pass pass);
  /// A map that stays as it is while its serial lives: units that record the same one share storage.
  void share(int unit, Kind kind, const FeatureMap& map, uint64_t serial);
  /// A map that will change afterwards.
  void copy(int unit, Kind kind, const FeatureMap& map);
  /// gradient ⊙ [activation > 0].
  void copyMasked(int unit, Kind kind, const FeatureMap& gradient, const FeatureMap& activation);
  /// Row-major numbers.
  void copyPlain(int unit, Kind kind, const float* plain);
  /// Whatever was wanted and never came is zero.
  void endPass();

  void setWeights(int unit, const float* weights) { units_[static_cast<size_t>(unit)].tensors[kT3] = weights; }
  /// The units and their storage; leaves the recorder empty.
  NetworkStatistics take();

 private:
  size_t floats(int unit, Kind kind) const;
  /// Storage for one tensor, entered in the tables.
  float* place(int unit, Kind kind);
  void enter(int unit, Kind kind, const float* data);
  const float* base(int unit, Kind kind) const;
  bool kept(Kind kind) const;

  uint32_t tensors_;
  const NetworkKernels& kernels_;
  Pass pass_ = Pass::data;
  std::vector<UnitStatistics> units_;
  std::vector<std::array<const float*, kKindCount>> data_;  // by unit and kind: the tensors of pass D, null where zero
  std::map<std::pair<uint64_t, bool>, const float*> shared_;
  std::span<const float> zeros_;
  BumpArena storage_, aside_;
};

}  // namespace eznas
