#pragma once
// Steps of several networks as launches: equal steps of a level are one launch over a table of items.
#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "kernels/cuda/batch_norm.h"
#include "kernels/cuda/depthwise.h"
#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/pooling.h"
#include "native/cuda/conv_geometry.h"
#include "native/cuda/network_program.h"

namespace eznas::cuda {

inline constexpr int kRooms = 8;

/// Where the rooms of one network lie in a pass.
struct NetworkAddresses {
  std::array<float*, kRooms> rooms{};  // by Room; not Room::recorded
  std::vector<float*> recorded;        // by buffer, of those in Room::recorded
};

/// Shape that all items of a launch have.
using LaunchShape = std::variant<std::monostate, SweepAndPacking, ConvWeights, Depthwise, BatchNorm, MapShape, Region,
                                 Pooling, Linear, BiasShape>;
LaunchShape launchShape(const StepKey& key, int batch);

/// The launches of one pass over several networks. Nothing in it depends on addresses: the same launches serve every
/// pass of equal programs, with a table of items of its own.
class NetworkLaunches {
 public:
  struct Launch {
    int shape = 0;       // index into shapes()
    uint32_t count = 0;  // items
    size_t items = 0;    // bytes from the table's start
    bool backward = false;
    int level = 0;
  };

  /// The programs must outlive this.
  NetworkLaunches(std::span<const NetworkProgram* const> programs, int batch, bool tf32);

  size_t tableBytes() const { return tableBytes_; }
  /// Writes the table that `device` will hold, on up to `threads` threads; addresses by network.
  void writeTable(std::span<const NetworkAddresses> addresses, std::byte* host, const std::byte* device,
                  int threads) const;
  void pack(const std::byte* table, cudaStream_t stream) const;
  void run(const std::byte* table, cudaStream_t stream) const;

  const std::vector<Launch>& launches() const { return launches_; }
  const std::vector<StepKey>& keys() const { return keys_; }

 private:
  struct Entry {
    uint32_t network = 0;
    uint32_t step = 0;
    size_t item = 0;   // bytes from the table's start
    size_t terms = 0;  // of a sum
  };
  using StepsOf = const std::vector<Step>& (*)(const NetworkProgram&);
  void merge(StepsOf stepsOf, std::vector<Launch>& launches, std::vector<Entry>& entries);
  void writeEntries(StepsOf stepsOf, std::span<const Entry> entries, std::span<const NetworkAddresses> addresses,
                    std::byte* host, const std::byte* device) const;
  void start(const Launch& launch, const std::byte* table, cudaStream_t stream) const;

  std::span<const NetworkProgram* const> programs_;
  int batch_;
  bool tf32_;
  std::vector<StepKey> keys_;
  std::vector<LaunchShape> shapes_;  // by key
  std::vector<Launch> packing_, launches_;
  std::vector<Entry> packingEntries_, entries_;
  size_t tableBytes_ = 0;
};

}  // namespace eznas::cuda
