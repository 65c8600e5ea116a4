#include "native/core/sign_patterns.h"

#include <algorithm>
#include <array>

#include "native/core/symmetric.h"

namespace eznas {
namespace {

constexpr size_t kBits = 64;
/// Words of patterns held before those that are equal are thrown out.
constexpr size_t kMostWords = size_t{1} << 21;

/// Bit j of word i becomes bit i of word j (Warren, Hacker's Delight, 7-3).
void transpose(std::array<uint64_t, kBits>& words) {
  uint64_t mask = 0x00000000FFFFFFFFu;
  for (size_t step = 32; step != 0; step >>= 1, mask ^= mask << step) {
    for (size_t k = 0; k < kBits; k = (k + step + 1) & ~step) {
      const uint64_t swapped = ((words[k] >> step) ^ words[k + step]) & mask;
      words[k] ^= swapped << step;
      words[k + step] ^= swapped;
    }
  }
}

/// The different ones among rows of `stride` words.
std::vector<uint64_t> distinct(std::vector<uint64_t> rows, size_t stride) {
  if (stride == 1) {
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    return rows;
  }
  std::vector<const uint64_t*> order;
  for (size_t at = 0; at < rows.size(); at += stride) order.push_back(&rows[at]);
  const auto less = [stride](const uint64_t* a, const uint64_t* b) {
    return std::lexicographical_compare(a, a + stride, b, b + stride);
  };
  std::sort(order.begin(), order.end(), less);
  std::vector<uint64_t> kept;
  for (size_t i = 0; i < order.size(); ++i)
    if (i == 0 || less(order[i - 1], order[i])) kept.insert(kept.end(), order[i], order[i] + stride);
  return kept;
}

}  // namespace

SignPatterns::SignPatterns(const Graph& graph, const Plan& plan, int batch, const NetworkKernels& kernels, bool unique)
    : kernels_(kernels),
      batch_(static_cast<size_t>(batch)),
      unique_(unique),
      copies_(graph.nodes.size(), 0),
      distances_(batch_ * batch_, 0),
      words_(batch_),
      stride_((batch_ + kBits - 1) / kBits) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const NodeKind kind = graph.nodes[i].kind;
    // Positive where their inputs are; gates are so everywhere.
    if (kind != NodeKind::relu && kind != NodeKind::relu6 && kind != NodeKind::hardSwish) continue;
    const auto value = static_cast<size_t>(plan.value[i]);
    ++copies_[value];
    // Zeros are never computed, but their signs count all the same: equal for all images.
    const SampleShape& s = graph.nodes[i].shape;
    neurons_ += static_cast<uint64_t>(s.c) * static_cast<uint64_t>(s.h) * static_cast<uint64_t>(s.w);
    if (plan.zero[value]) silent_ = true;
  }
}

void SignPatterns::computed(int value, const FeatureMap& map) {
  const auto copies = static_cast<uint64_t>(copies_[static_cast<size_t>(value)]);
  if (copies == 0) return;
  const size_t count = kernels_.signWords(map);
  for (size_t i = 0; i < batch_; ++i) {
    words_[i].resize(count);
    kernels_.packSigns(map, static_cast<int>(i), words_[i].data());
    for (size_t j = 0; j < i; ++j)
      distances_[i * batch_ + j] += copies * kernels_.differingBits(words_[i].data(), words_[j].data(), count);
  }
  if (unique_) addUnique(map);
}

double SignPatterns::logDeterminant() const {
  std::vector<double> agreements(batch_ * batch_);
  for (size_t i = 0; i < batch_; ++i) {
    agreements[i * batch_ + i] = static_cast<double>(neurons_);
    for (size_t j = 0; j < i; ++j)
      agreements[i * batch_ + j] = agreements[j * batch_ + i] =
          static_cast<double>(neurons_ - distances_[i * batch_ + j]);
  }
  return logAbsDeterminant(std::move(agreements), batch_);
}

void SignPatterns::addUnique(const FeatureMap& map) {
  const size_t count = words_[0].size();
  uint64_t silent = static_cast<uint64_t>(map.c) * static_cast<uint64_t>(map.h) * static_cast<uint64_t>(map.w);
  std::vector<uint64_t> found;
  std::vector<std::array<uint64_t, kBits>> blocks(stride_);
  for (size_t word = 0; word < count; ++word) {
    for (size_t s = 0; s < stride_; ++s) {
      for (size_t i = 0; i < kBits; ++i) blocks[s][i] = s * kBits + i < batch_ ? words_[s * kBits + i][word] : 0;
      transpose(blocks[s]);
    }
    for (size_t neuron = 0; neuron < kBits; ++neuron) {
      // Bits of no neuron are 0 in all images, as are neurons that stay silent: those are counted, not kept.
      uint64_t any = 0;
      for (size_t s = 0; s < stride_; ++s) any |= blocks[s][neuron];
      if (any == 0) continue;
      --silent;
      for (size_t s = 0; s < stride_; ++s) found.push_back(blocks[s][neuron]);
    }
  }
  silent_ = silent_ || silent > 0;
  found = distinct(std::move(found), stride_);
  patterns_.insert(patterns_.end(), found.begin(), found.end());
  if (patterns_.size() > kMostWords) patterns_ = distinct(std::move(patterns_), stride_);
}

double SignPatterns::uniquePatterns() {
  patterns_ = distinct(std::move(patterns_), stride_);
  const size_t stored = patterns_.size() / stride_;
  return static_cast<double>(stored + (silent_ ? 1 : 0));
}

}  // namespace eznas
