// Networks on the device against the plain float64 network and the CPU backend: all recorded tensors, logits and
// gradients, on random graphs of all node kinds; then what must not change results.
#include <cmath>
#include <string>
#include <vector>

#include "native/core/memory.h"
#include "native/cuda/device.h"
#include "native/cuda/network_runner.h"
#include "test/native/device_networks.h"
#include "test/native/expect.h"
#include "test/native/network_requests.h"
#include "test/native/reference_statistics.h"

namespace {

using namespace eznas;
using namespace eznas::cuda;
using test::expect;
using test::expectError;
using test::expectReference;
using test::randomRequest;
using test::requestFor;
using test::same;

std::vector<NetworkStatistics> collect(NetworkRunner& runner, const CollectRequest& request, Stream& stream) {
  return test::toHost(runner.run(request, 0, request.networks.size(), stream), stream);
}

void randomGraphs(NetworkRunner& runner, Stream& stream) {
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    const CollectRequest request = randomRequest(seed);
    const std::string name = "graph " + std::to_string(seed);
    expectReference(request, collect(runner, request, stream)[0], name);
    expectReference(request, runner.gradients(request, 0, stream), name);
  }
}

}  // namespace

int main() {
  Device& device = Device::get(0);
  Stream stream(device);
  NetworkRunner exact(device, Precision::float32);
  randomGraphs(exact, stream);
  return test::finish("cuda_network_test");
}
