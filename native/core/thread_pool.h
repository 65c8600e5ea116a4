#pragma once
#include <atomic>
#include <cstddef>
#include <functional>

namespace eznas {

/// Cancellation and progress of one job, shared with the thread that started it.
struct JobControl {
  std::atomic<bool> cancelled{false};
  std::atomic<size_t> done{0};
  std::function<void(size_t done)> onProgress;  // called from worker threads, must be cheap and thread-safe
};

/// Runs body(index, worker) for every index in [0, count) on `threads` threads (the caller is one of them; 0:
/// availableThreads()), handing out indices in order. worker is in [0, threads). The first exception stops the hand-out
/// and is rethrown here; a cancelled control stops it with Error(ABORTED). No state outlives the call: jobs never wait
/// for one another's threads.
void parallelFor(size_t count, int threads, JobControl& control, const std::function<void(size_t, int)>& body);

/// Threads of the machine this process may use (affinity and cgroup quota respected), at least 1.
int availableThreads();

}  // namespace eznas
