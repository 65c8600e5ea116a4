#include "native/core/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "native/core/error.h"

namespace eznas {
namespace {

/// CPUs that a cgroup's quota and period allow, or 0 where there is no limit.
int quotaThreads(double quota, double period) {
  return quota > 0 && period > 0 ? static_cast<int>(std::max(1.0, std::ceil(quota / period))) : 0;
}

int readQuota(const std::string& folder) {
  std::ifstream unified(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (unified >> quota >> period) return quota == "max" ? 0 : quotaThreads(std::atof(quota.c_str()), period);
  double legacyQuota = 0;
  std::ifstream quotaFile(folder + "/cpu.cfs_quota_us"), periodFile(folder + "/cpu.cfs_period_us");
  return quotaFile >> legacyQuota && periodFile >> period ? quotaThreads(legacyQuota, period) : 0;
}

/// The tightest quota from this process's cgroup up to the root (a parent's limit binds too); 0 where there is none.
int cgroupThreads() {
  int tightest = 0;
  const auto consider = [&](int threads) {
    if (threads > 0) tightest = tightest == 0 ? threads : std::min(tightest, threads);
  };
  std::ifstream membership("/proc/self/cgroup");
  for (std::string line; std::getline(membership, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers.find("cpu") == std::string::npos) continue;
    const std::string root = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    for (std::string path = line.substr(second + 1);; path.resize(path.rfind('/'))) {
      consider(readQuota(root + path));
      if (path.find('/') == std::string::npos) break;
    }
  }
  return tightest;
}

}  // namespace

int availableThreads() {
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  cpu_set_t affinity;
  CPU_ZERO(&affinity);
  if (sched_getaffinity(0, sizeof affinity, &affinity) == 0) threads = std::max(1, CPU_COUNT(&affinity));
  const int quota = cgroupThreads();
  return quota > 0 ? std::min(threads, quota) : threads;
}

void parallelFor(size_t count, int threads, JobControl& control, const std::function<void(size_t, int)>& body) {
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;
  std::mutex failureMutex;

  const auto work = [&](int worker) {
    while (!failed.load(std::memory_order_relaxed) && !control.cancelled.load(std::memory_order_relaxed)) {
      const size_t index = next.fetch_add(1, std::memory_order_relaxed);
      if (index >= count) return;
      try {
        body(index, worker);
        const size_t done = control.done.fetch_add(1) + 1;
        if (control.onProgress) control.onProgress(done);
      } catch (...) {
        const std::lock_guard lock(failureMutex);
        if (!failure) failure = std::current_exception();
        failed = true;
      }
    }
  };

  const size_t wanted = std::min(count, static_cast<size_t>(threads > 0 ? threads : availableThreads()));
  std::vector<std::thread> others;
  for (size_t worker = 1; worker < wanted; ++worker) {
    // A machine that refuses another thread still finishes the job with those it gave.
    try {
      others.emplace_back(work, static_cast<int>(worker));
    } catch (const std::system_error&) {
      break;
    }
  }
  work(0);
  for (std::thread& other : others) other.join();
  if (failure) std::rethrow_exception(failure);
  if (control.cancelled) throw Error(code::kAborted, "the job was cancelled");
}

}  // namespace eznas
