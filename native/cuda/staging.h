#pragma once
#include <cstddef>
#include <vector>

#include "native/cuda/device.h"

namespace eznas::cuda {

/// Page-locked memory that runs fill for their copies to the device, taken in turn: a block is handed out again once
/// the copies from it are done.
class Staging {
 public:
  explicit Staging(Device& device) : device_(device) {}
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// A block of at least this size; waits for its earlier copies.
  std::byte* take(size_t bytes);
  /// To be called when all copies from the block taken last are queued.
  void release(const Stream& stream);

 private:
  struct Block {
    PinnedBuffer memory;
    Event copied;
    bool pending = false;
  };
  static constexpr size_t kBlocks = 3;
  Device& device_;
  std::vector<Block> blocks_;
  size_t next_ = 0;
};

}  // namespace eznas::cuda
