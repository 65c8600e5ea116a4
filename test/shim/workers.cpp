// Grids on a few threads of the machine, and accesses to memory that is not there.
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime.h"

namespace eznas::shim {
namespace {

/// A grid under way, shared by its workers.
struct Work {
  explicit Work(const Grid& of) : grid(of), blocks(of.grid.x * of.grid.y * of.grid.z) {}
  const Grid& grid;
  const unsigned blocks;
  std::atomic<unsigned> next{0};
  std::mutex mutex;
  std::string failure;
  std::atomic<bool> failed{false};
};

void runBlocks(BlockRunner& runner, Work& work) {
  const dim3& grid = work.grid.grid;
  runner.beginLaunch(work.grid);
  while (!work.failed) {
    const unsigned place = work.next++;
    if (place >= work.blocks) break;
    const unsigned block = work.grid.order == Order::forward ? place : work.blocks - 1 - place;
    const std::string failure =
        runner.run(work.grid, {block % grid.x, block / grid.x % grid.y, block / grid.x / grid.y});
    if (failure.empty()) continue;
    const std::lock_guard lock(work.mutex);
    if (work.failure.empty()) work.failure = failure;
    work.failed = true;
  }
  runner.endLaunch();
}

struct sigaction previousAction;

/// Turns an access to memory that is not there, by device code, into the end of its block.
void onFault(int signal, siginfo_t* info, void* context) {
  BlockRunner* runner = activeRunner();
  if (runner == nullptr) {
    sigaction(signal, &previousAction, nullptr);
    return;
  }
  std::string where;
  for (const auto& device : Runtime::get().devices)
    if (where.empty()) where = device->memory.describe(info->si_addr);
  (void)context;
  runner->abandon(runner->whereAmI() + " accessed an illegal address" + (where.empty() ? "" : ", " + where));
}

void watchFaults() {
  struct sigaction action {};
  action.sa_sigaction = onFault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, &previousAction);
}

/// Threads that help the caller; they live as long as the process.
class Helpers {
 public:
  explicit Helpers(int count) {
    for (int i = 0; i < count; ++i) std::thread([this] { serve(); }).detach();
    count_ = count;
  }
  int count() const { return count_; }

  void run(Work& work) {
    {
      const std::lock_guard lock(mutex_);
      work_ = &work;
      ++round_;
      busy_ = count_;
    }
    start_.notify_all();
    runBlocks(own_, work);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return busy_ == 0; });
    work_ = nullptr;
  }
  void runAlone(Work& work) { runBlocks(own_, work); }

 private:
  void serve() {
    BlockRunner runner;
    unsigned seen = 0;
    for (;;) {
      Work* work;
      {
        std::unique_lock lock(mutex_);
        start_.wait(lock, [&] { return round_ != seen; });
        seen = round_;
        work = work_;
      }
      runBlocks(runner, *work);
      const std::lock_guard lock(mutex_);
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable start_, done_;
  Work* work_ = nullptr;
  unsigned round_ = 0;
  int busy_ = 0, count_ = 0;
  BlockRunner own_;
};

}  // namespace

std::string runGrid(const Grid& grid, int threads) {
  static std::once_flag once;
  std::call_once(once, watchFaults);
  Work work(grid);
  // The caller may be any thread of the host, but static shared memory and fibers stay with the thread that has them.
  static Helpers* const helpers = new Helpers(std::max(0, threads - 1));
  const bool small = work.blocks * (grid.block.x * grid.block.y * grid.block.z) < 4096;
  if (helpers->count() == 0 || small || work.blocks < 2)
    helpers->runAlone(work);
  else
    helpers->run(work);
  return work.failure;
}

}  // namespace eznas::shim
