#pragma once
// Networks of a job handed out to devices, chunk by chunk.
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "native/core/thread_pool.h"
#include "native/cuda/device_worker.h"

namespace eznas::cuda {

/// What a job does with networks [begin, end) on a device: queues work on the worker's stream, whose turn it has, and
/// returns. `device` is the worker's place among those given.
using ChunkBody = std::function<void(size_t device, size_t begin, size_t end)>;

/// Runs `body` on chunks of the networks, `bytes[i]` of device memory each, on all devices at once; each device takes
/// the next networks that fit a part of its free memory. Where it gives no more memory, fewer networks are tried, and a
/// single network that does not fit is left to the other devices. Progress counts networks whose work is done. Throws
/// the first error of the body, Error(ABORTED) once cancelled, Error(OUT_OF_MEMORY) for what no device could hold.
void runChunks(const std::vector<std::unique_ptr<DeviceWorker>>& workers, const std::vector<size_t>& bytes,
               JobControl& control, const ChunkBody& body);

}  // namespace eznas::cuda
