#pragma once
// Several networks of a request, lowered and laid out in memory: everything that a run decides before it allocates.
#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "native/core/collect.h"
#include "native/core/passes.h"
#include "native/cuda/network_launches.h"
#include "native/cuda/network_program.h"

namespace eznas::cuda {

/// What passes of equal wants share: the programs of all networks, and, once made, their launches.
struct ProgramSet {
  PassWants wants;
  int passes = 0;  // that run it
  std::vector<NetworkProgram> programs;
  std::vector<const NetworkProgram*> pointers;
  std::optional<NetworkLaunches> launches;
};

/// Two blocks of device memory: `kept` belongs to the caller afterwards, `scratch` to the run. Sizes and offsets in
/// floats, all multiples of 16.
class NetworkChunk {
 public:
  /// Lowers networks [begin, end) for the passes of `wants` (those that want nothing are not run) on up to `threads`
  /// threads. Errors name the network.
  NetworkChunk(const CollectRequest& request, size_t begin, size_t end, const std::array<PassWants, 3>& wants,
               int threads);

  size_t size() const { return end_ - begin_; }
  const NetworkRequest& network(size_t i) const { return request_.networks[begin_ + i]; }
  bool runs(Pass pass) const { return setOf_[static_cast<size_t>(pass)] >= 0; }
  ProgramSet& set(Pass pass) { return sets_[static_cast<size_t>(setOf_[static_cast<size_t>(pass)])]; }
  const ProgramSet& set(Pass pass) const { return sets_[static_cast<size_t>(setOf_[static_cast<size_t>(pass)])]; }
  std::vector<ProgramSet>& sets() { return sets_; }
  bool keepsParameters() const { return (request_.tensors >> kT3 & 1) != 0; }

  size_t keptFloats() const { return kept_; }
  /// Without tables.
  size_t scratchFloats() const { return scratch_; }
  size_t inputFloats() const;
  /// Bytes of all programs' items, about.
  size_t tableBytes() const;

  /// Parts of the two blocks.
  struct Part {
    bool kept = false;
    size_t offset = 0, floats = 0;
  };
  const Part& parameters(size_t network) const { return places_[network].parameters; }
  const Part& counters() const { return counters_; }
  const Part& zeros() const { return zeros_; }
  const Part& logits() const { return logits_; }
  const Part& input(Pass pass) const { return inputs_[static_cast<size_t>(pass)]; }
  /// Offset of a network's logits from those of the first.
  size_t logitOffset(size_t network, Pass pass) const;

  /// Where everything lies in a pass, given the blocks; the input's place is the caller's.
  std::vector<NetworkAddresses> addresses(Pass pass, float* kept, float* scratch) const;
  /// A recorded buffer of a pass.
  const Part& recorded(size_t network, Pass pass, int32_t buffer) const {
    return places_[network].recorded[static_cast<size_t>(pass)][static_cast<size_t>(buffer)];
  }

 private:
  struct Places {
    Part parameters;
    std::array<std::vector<Part>, 3> recorded;               // by pass and buffer
    size_t arena = 0, packed = 0, counters = 0, logits = 0;  // offsets within the shared parts
  };
  void lower(int threads);
  void layOut();
  void layOutRecorded(size_t network, Pass pass);
  Part take(bool kept, size_t floats);

  const CollectRequest& request_;
  size_t begin_, end_;
  std::array<int, 3> setOf_{-1, -1, -1};
  std::vector<ProgramSet> sets_;
  std::vector<Places> places_;
  std::array<Part, 3> inputs_;
  Part arena_, packed_, counters_, zeros_, logits_;
  size_t kept_ = 0, scratch_ = 0;
};

}  // namespace eznas::cuda
