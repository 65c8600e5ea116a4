#pragma once
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "native/cuda/device.h"
#include "native/cuda/network_runner.h"

namespace eznas::cuda {

/// A device with what jobs share on it: one stream, so that they take turns, and runners that keep page-locked memory.
class DeviceWorker {
 public:
  /// Throws NO_DEVICE, CUDA_ERROR.
  explicit DeviceWorker(int index)
      : device_(Device::get(index)),
        stream_(device_),
        float32_(device_, Precision::float32),
        tf32_(device_, Precision::tf32) {}
  Device& device() const { return device_; }
  /// To queue on, and the runner to queue with; both only while `turn` is held.
  Stream& stream() { return stream_; }
  NetworkRunner& runner(Precision precision) { return precision == Precision::tf32 ? tf32_ : float32_; }
  std::mutex& turn() { return turn_; }

 private:
  Device& device_;
  Stream stream_;
  NetworkRunner float32_, tf32_;
  std::mutex turn_;
};

}  // namespace eznas::cuda
