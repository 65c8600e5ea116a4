#include "native/cuda/staging.h"

namespace eznas::cuda {

Staging::~Staging() {
  for (Block& block : blocks_) {
    try {
      if (block.pending) block.copied.synchronize();
    } catch (...) {
      // A device that failed copies nothing any more.
    }
  }
}

std::byte* Staging::take(size_t bytes) {
  if (blocks_.size() < kBlocks) {
    next_ = blocks_.size();
    blocks_.push_back({PinnedBuffer(), Event(device_), false});
  } else {
    next_ = (next_ + 1) % kBlocks;
  }
  Block& block = blocks_[next_];
  if (block.pending) block.copied.synchronize();
  block.pending = false;
  if (block.memory.bytes() < bytes) {
    block.memory = PinnedBuffer();
    block.memory = PinnedBuffer(bytes + bytes / 4);
  }
  return block.memory.as<std::byte>();
}

void Staging::release(const Stream& stream) {
  blocks_[next_].copied.record(stream);
  blocks_[next_].pending = true;
}

}  // namespace eznas::cuda
