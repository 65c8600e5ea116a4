#pragma once
// Timings for `eznas bench`, by the clock of the first device that can be used: seconds between events on its stream.
#include <cstddef>
#include <string>
#include <vector>

#include "kernels/cpu/network_kernels.h"
#include "native/core/backend.h"
#include "native/core/bench.h"
#include "native/core/collect.h"
#include "native/core/programs.h"

namespace eznas::cuda {

/// What the device does at best, measured.
struct DevicePeaks {
  std::string name;
  /// Of copying memory on the device, each byte read and each byte written.
  double bytesPerSecond = 0;
  /// Floating-point operations: float32 multiply-adds, and tf32 products on tensor cores.
  double float32 = 0, tf32 = 0;
};
DevicePeaks measureDevice(JobControl& control);

struct DeviceTimes {
  /// Of each run: by the device between first and last work, and by the host from the call until the device is done.
  std::vector<double> device, wall;
  /// Convolutions, networks, or networks whose units programs were evaluated on, of one run.
  size_t items = 0;
  /// Of one run, as native/cuda/network_costs.h counts; 0 of programs.
  double operations = 0, bytes = 0;
};

/// One convolution kernel over as many items at once as make memory traffic that no cache holds. All of these run once
/// without counting, then `repeats` times.
DeviceTimes timeDeviceConvolution(const ConvShape& shape, int batch, int h, int w, ConvDirection direction,
                                  Precision precision, int repeats, JobControl& control);

/// Passes that request.tensors need on the request's networks, as many of the first as fit the device at once, and the
/// programs on their units where given: then the tensors are those that they read.
DeviceTimes timeDeviceNetworks(CollectRequest request, const Population* population, int repeats, JobControl& control);

/// Programs on the units of a recording of cudaBackend(), of those that lie on the device of its first part.
DeviceTimes timeDevicePopulation(const Recording& recording, const Population& population, int repeats,
                                 JobControl& control);

}  // namespace eznas::cuda
