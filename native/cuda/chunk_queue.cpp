#include "native/cuda/chunk_queue.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "native/core/error.h"

namespace eznas::cuda {
namespace {

/// More networks at once bring the device nothing, and make progress and cancellation coarse.
constexpr size_t kMostNetworks = 128;
/// Chunks queued ahead of the device.
constexpr size_t kMostAhead = 2;

struct Range {
  size_t begin, end;
  size_t size() const { return end - begin; }
};

class ChunkQueue {
 public:
  ChunkQueue(const std::vector<std::unique_ptr<DeviceWorker>>& workers, const std::vector<size_t>& bytes,
             JobControl& control, const ChunkBody& body)
      : workers_(workers), bytes_(bytes), control_(control), body_(body), full_(workers.size(), 0) {
    if (!bytes.empty()) left_.push_back({0, bytes.size()});
  }

  void run() {
    // Networks that one device could not hold are tried on those that were done before.
    while (!left_.empty() && !stopped() && std::count(full_.begin(), full_.end(), 0) > 0) {
      std::vector<std::thread> threads;
      for (size_t device = 1; device < workers_.size(); ++device) {
        // A machine that refuses another thread still finishes the job with the devices it has threads for.
        try {
          threads.emplace_back([this, device] { work(device); });
        } catch (const std::system_error&) {
          break;
        }
      }
      work(0);
      for (std::thread& thread : threads) thread.join();
    }
    if (failure_) std::rethrow_exception(failure_);
    if (control_.cancelled) throw Error(code::kAborted, "the job was cancelled");
    if (!left_.empty()) std::rethrow_exception(outOfMemory_);
  }

 private:
  struct Queued {
    Event done;
    size_t networks;
  };

  bool stopped() const { return failed_ || control_.cancelled; }

  /// The next networks within `budget` bytes, at least one; none where there are none left.
  Range take(size_t budget) {
    const std::lock_guard lock(mutex_);
    if (left_.empty()) return {0, 0};
    Range& range = left_.back();
    const size_t share = (range.size() + workers_.size() - 1) / workers_.size();
    const size_t most = range.begin + std::min(share, kMostNetworks);
    size_t end = range.begin + 1;
    for (size_t sum = bytes_[range.begin]; end < most && sum + bytes_[end] <= budget; ++end) sum += bytes_[end];
    const Range taken{range.begin, end};
    range.begin = end;
    if (range.size() == 0) left_.pop_back();
    return taken;
  }

  void work(size_t device) {
    if (full_[device] != 0) return;
    std::deque<Queued> ahead;
    try {
      workers_[device]->device().use();
      while (!stopped()) {
        // Half is left to what the body needs besides.
        const Range chunk = take(deviceMemoryBudget(workers_[device]->device()) / 2);
        if (chunk.size() == 0) break;
        if (!runAll(device, chunk, ahead)) break;
      }
      while (!ahead.empty() && !stopped()) settle(ahead);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      failed_ = true;
    }
  }

  /// Runs a chunk in as many parts as memory needs; false where the device is full, with the rest given back.
  bool runAll(size_t device, Range chunk, std::deque<Queued>& ahead) {
    size_t size = chunk.size();
    while (chunk.size() > 0 && !stopped()) {
      size = std::min(size, chunk.size());
      try {
        ahead.push_back(queue(device, {chunk.begin, chunk.begin + size}));
        chunk.begin += size;
        while (ahead.size() > kMostAhead) settle(ahead);
      } catch (const Error& error) {
        if (error.code() != std::string(code::kOutOfMemory)) throw;
        // What was queued holds memory until it is done.
        const bool waited = !ahead.empty();
        while (!ahead.empty()) settle(ahead);
        if (waited) continue;
        size /= 2;
        if (size > 0) continue;
        const std::lock_guard lock(mutex_);
        left_.push_back(chunk);
        full_[device] = 1;
        outOfMemory_ = std::current_exception();
        return false;
      }
    }
    return true;
  }

  Queued queue(size_t device, Range range) {
    DeviceWorker& worker = *workers_[device];
    const std::lock_guard turn(worker.turn());
    body_(device, range.begin, range.end);
    Queued queued{Event(worker.device()), range.size()};
    queued.done.record(worker.stream());
    return queued;
  }

  void settle(std::deque<Queued>& ahead) {
    ahead.front().done.synchronize();
    const size_t done = control_.done.fetch_add(ahead.front().networks) + ahead.front().networks;
    ahead.pop_front();
    if (control_.onProgress) control_.onProgress(done);
  }

  const std::vector<std::unique_ptr<DeviceWorker>>& workers_;
  const std::vector<size_t>& bytes_;
  JobControl& control_;
  const ChunkBody& body_;
  std::mutex mutex_;
  std::vector<Range> left_;
  std::vector<uint8_t> full_;  // by device: a single network did not fit
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_, outOfMemory_;
};

}  // namespace

void runChunks(const std::vector<std::unique_ptr<DeviceWorker>>& workers, const std::vector<size_t>& bytes,
               JobControl& control, const ChunkBody& body) {
  ChunkQueue(workers, bytes, control, body).run();
}

}  // namespace eznas::cuda
