#pragma once
#include <cstdint>
#include <vector>

#include "native/core/executor.h"

namespace eznas {

/// Activation patterns of a forward pass: the signs of every ReLU's output, image by image. A ReLU that shares its
/// value with others counts once for each, as the network's modules do.
class SignPatterns : public PassObserver {
 public:
  /// `unique` also keeps the patterns of single neurons over the batch.
  SignPatterns(const Graph& graph, const Plan& plan, int batch, const NetworkKernels& kernels, bool unique);
  void computed(int value, const FeatureMap& map) override;

  /// ln |det K| of the B × B matrix of neurons whose sign two images share (Mellor et al., Neural architecture search
  /// without training, ICML 2021).
  double logDeterminant() const;
  /// Different patterns of a neuron's sign over the batch, over all neurons (Peng et al., SWAP-NAS, ICLR 2024).
  double uniquePatterns();

 private:
  void addUnique(const FeatureMap& map);

  const NetworkKernels& kernels_;
  size_t batch_;
  bool unique_;
  std::vector<int> copies_;  // by value: ReLUs that have it
  uint64_t neurons_ = 0;
  std::vector<uint64_t> distances_;           // B × B, below the diagonal
  std::vector<std::vector<uint64_t>> words_;  // by image: signs of the map at hand
  size_t stride_;                             // words of one pattern
  std::vector<uint64_t> patterns_;            // rows of `stride_` words, the all-zero one left out
  bool silent_ = false;                       // some neuron is positive on no image
};

}  // namespace eznas
