#pragma once
// Arrays on the device for kernel tests. Each is an allocation of its own and just its size, so that the shim or a
// memory checker sees what leaves it.
#include <cstdlib>
#include <vector>

#include "native/cuda/device.h"

namespace eznas::test {

/// Before anything uses the device.
inline void useExactAllocations() { setenv("EZNAS_GPU_CACHE", "0", 1); }

template <class T>
class DeviceArray {
 public:
  DeviceArray(const cuda::Stream& stream, const std::vector<T>& values)
      : stream_(stream), size_(values.size()), buffer_(stream, std::max<size_t>(1, size_) * sizeof(T)) {
    stream.copyToDevice(buffer_.data(), values.data(), size_ * sizeof(T));
    stream.synchronize();
  }
  T* data() const { return buffer_.as<T>(); }
  std::vector<T> host() const {
    std::vector<T> values(size_);
    stream_.copyToHost(values.data(), buffer_.data(), size_ * sizeof(T));
    stream_.synchronize();
    return values;
  }

 private:
  const cuda::Stream& stream_;
  size_t size_;
  cuda::DeviceBuffer buffer_;
};

}  // namespace eznas::test
