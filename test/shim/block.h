#pragma once
// One block of a grid: its threads are fibers (Boost.Context), which run one at a time until they meet others.
#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device_calls.h"
#include "shared_memory.h"
#include "vector_types.h"

namespace eznas::shim {

/// The order in which threads that could run do run, and blocks of a grid: a missing barrier that goes unnoticed in one
/// order shows in the other.
enum class Order { forward, reverse };

/// A kernel launch as the blocks see it.
struct Grid {
  const void* kernel = nullptr;
  dim3 grid, block;
  size_t dynamicShared = 0;
  const std::function<void()>* invocation = nullptr;
  Order order = Order::forward;
};

/// Runs blocks on the calling thread, one after another. Keeps stacks and memory from block to block.
class BlockRunner {
 public:
  BlockRunner() = default;
  ~BlockRunner();
  BlockRunner(const BlockRunner&) = delete;

  /// Runs one block to its end. Returns "" or what went wrong; the block is then abandoned.
  std::string run(const Grid& grid, uint3 blockIndex);
  /// To be called before the first and after the last block of a launch.
  void beginLaunch(const Grid& grid) { staticShared_.begin(grid.kernel); }
  void endLaunch() { staticShared_.end(); }

  // Called from fibers.
  int barrier(Meeting meeting, int vote);
  const LaneSlot* meetWarp(Meeting meeting, unsigned mask, const LaneSlot* mine, void (*complete)(LaneSlot*));
  int lane() const { return static_cast<int>(current_ % 32); }
  void* dynamicShared() { return dynamic_.data(); }
  void copyLater(void* to, const void* from, size_t bytes);
  void commitCopies();
  void waitCopies(unsigned groupsLeft);
  /// Gives the block up, from the fiber that runs or from a signal handler on its stack.
  [[noreturn]] void abandon(const std::string& reason);
  std::string whereAmI() const;

 private:
  struct Fiber {
    boost::context::detail::fcontext_t at = nullptr;
    char* stack = nullptr;
  };
  struct Copy {
    void* to;
    const void* from;
    size_t bytes;
    unsigned group;
  };
  struct Thread {
    Fiber* fiber = nullptr;
    bool ended = false, waiting = false;
    Meeting meeting = Meeting::syncthreads;
    unsigned openGroup = 0;  // of asynchronous copies
    std::vector<Copy> copies;
  };
  struct Warp {
    int arrived = 0;
    Meeting meeting = Meeting::syncwarp;
    unsigned generation = 0;
    LaneSlot slots[2][32];
  };

  static void fiberMain(boost::context::detail::transfer_t from);
  void fiberLoop();
  Fiber* freshFiber();
  void switchTo(Fiber* fiber);
  /// Lets others run until the thread is woken.
  void suspend();
  /// The fiber to go on with, or nullptr where no thread can run.
  Fiber* next();
  void wake(unsigned thread);
  void releaseBarrier();
  unsigned threadAt(unsigned place) const;
  uint3 indexOf(unsigned thread) const;
  std::string deadlock() const;
  void performCopies(Thread& thread, unsigned groupsLeft);

  const Grid* grid_ = nullptr;
  unsigned count_ = 0, started_ = 0, ended_ = 0, current_ = 0;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::deque<unsigned> ready_;
  int barrierArrived_ = 0, barrierVotes_ = 0, barrierResult_[2] = {0, 0};
  unsigned barrierGeneration_ = 0;
  Meeting barrierMeeting_ = Meeting::syncthreads;
  std::string failure_;

  Fiber dispatcher_;
  Fiber* running_ = nullptr;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> freeFibers_;
  size_t usedFibers_ = 0;
  DynamicShared dynamic_;
  StaticShared staticShared_;
};

/// The runner that runs a block on this thread, or nullptr.
BlockRunner*& activeRunner();

}  // namespace eznas::shim
