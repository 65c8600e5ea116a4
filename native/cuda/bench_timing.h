#pragma once
#include <functional>

#include "native/cuda/bench.h"
#include "native/cuda/device.h"

namespace eznas::cuda {

/// The device that benches run on, made the calling thread's. Throws NO_DEVICE.
Device& benchDevice();

/// Times what `queue` puts on the stream: once without counting, then `repeats` times. Throws ABORTED.
void timeRuns(Device& device, const Stream& stream, int repeats, JobControl& control, DeviceTimes& times,
              const std::function<void()>& queue);

}  // namespace eznas::cuda
