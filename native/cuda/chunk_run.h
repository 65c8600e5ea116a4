#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/cuda/random.h"
#include "native/core/collect.h"
#include "native/cuda/device.h"
#include "native/cuda/graph_capture.h"
#include "native/cuda/network_chunk.h"
#include "native/cuda/staging.h"

namespace eznas::cuda {

/// Captured passes, kept until they have run.
class RetiredWork {
 public:
  void add(CapturedWork work, const Stream& stream) {
    Event done(stream.device());
    done.record(stream);
    work_.push_back({std::move(work), std::move(done)});
  }
  void prune() {
    std::erase_if(work_, [](const Entry& entry) { return entry.done.done(); });
  }
  ~RetiredWork() {
    for (const Entry& entry : work_) {
      try {
        entry.done.synchronize();
      } catch (...) {
        // A device that failed runs nothing any more.
      }
    }
  }

 private:
  struct Entry {
    CapturedWork work;
    Event done;
  };
  std::vector<Entry> work_;
};

/// One call: memory, initial values and passes of a chunk, queued on a stream.
class ChunkRun {
 public:
  /// Allocates, and queues what comes before the passes; tables are written on up to `threads` threads. Everything
  /// named must outlive this.
  ChunkRun(const CollectRequest& request, NetworkChunk& chunk, bool tf32, Staging& staging, RetiredWork& retired,
           int threads, Stream& stream);
  ~ChunkRun();
  ChunkRun(const ChunkRun&) = delete;
  ChunkRun& operator=(const ChunkRun&) = delete;
  void runPass(Pass pass);
  void subtractData();
  /// After all that copies from or to the host is queued.
  void finish();
  /// Waits; logits by network and pass.
  std::vector<std::array<std::vector<float>, 3>> logits();
  std::vector<std::vector<UnitStatistics>> statistics() const;
  std::vector<float> toHost(const NetworkChunk::Part& part) const;
  DeviceBuffer takeKept() { return std::move(kept_); }

 private:
  /// Pieces of a block of bytes, one after another.
  struct Cursor {
    std::byte* at = nullptr;
    std::byte* take(size_t bytes);
  };
  /// A table on the device with its source in page-locked memory.
  struct Table {
    std::byte* host = nullptr;
    std::byte* device = nullptr;
    size_t bytes = 0;
    void copy(const Stream& stream) const { stream.copyToDevice(device, host, bytes); }
  };
  float* at(const NetworkChunk::Part& part) const { return (part.kept ? kept_ : scratch_).as<float>() + part.offset; }
  size_t hostBytes() const;
  size_t logitBytes() const { return chunk_.logits().floats * sizeof(float); }
  size_t normalCount() const;
  Table takeTable(size_t bytes);
  void setParameters();
  void setInputs();
  void draw(float* out, const float* base, uint64_t network, uint32_t tensor, float scale, size_t count);
  void upload(float* to, const float* from, size_t floats);

  const CollectRequest& request_;
  NetworkChunk& chunk_;
  Staging& staging_;
  RetiredWork& retired_;
  Stream& stream_;
  int threads_;
  DeviceBuffer kept_, scratch_, tables_;
  Cursor host_, device_;
  std::vector<NormalItem> normals_;
  int64_t normalTiles_ = 0;
  std::vector<Table> setTables_;                       // by program set; the host side is one pass's
  std::vector<std::optional<CapturedWork>> captured_;  // by program set
  const ProgramSet* packed_ = nullptr;                 // whose weights the room for packed ones holds
  std::array<std::byte*, 3> logits_{};
  bool finished_ = false;
};

}  // namespace eznas::cuda
