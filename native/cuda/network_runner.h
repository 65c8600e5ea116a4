#pragma once
#include <cstddef>
#include <memory>

#include "native/core/collect.h"

namespace eznas::cuda {

class Device;
class Stream;
struct DeviceNetworks;

/// Runs networks on one device, many at once: nodes of equal kind and shape of all networks of a call are one launch.
/// Results do not depend on which networks a call holds, nor on which tensors are asked for. Scratch memory is taken
/// and let go in stream order. One thread at a time; streams may differ from call to call.
class NetworkRunner {
 public:
  explicit NetworkRunner(Device& device, Precision precision = Precision::tf32);
  NetworkRunner(NetworkRunner&&) noexcept;
  NetworkRunner& operator=(NetworkRunner&&) noexcept;
  ~NetworkRunner();

  /// Bytes of device memory that network `index` adds to a call of run: what is recorded and kept, and scratch. The
  /// bytes of several networks add up; callers choose chunks by them.
  static size_t bytesNeeded(const CollectRequest& request, size_t index);

  /// Runs the passes that request.tensors need on networks [begin, end) of a validated request (native/core/collect.h)
  /// and leaves what was recorded on the device, networks in order. Returns when everything is queued on the stream,
  /// or, where request.logits is set, when it is done. Throws OUT_OF_MEMORY where device memory does not suffice (the
  /// runner stays usable; fewer networks may do), CUDA_ERROR for a failed call.
  DeviceNetworks run(const CollectRequest& request, size_t begin, size_t end, Stream& stream);

  /// Gradients of the sum of the logits with respect to the data input and every parameter; waits for them.
  Gradients gradients(const CollectRequest& request, size_t index, Stream& stream);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace eznas::cuda
