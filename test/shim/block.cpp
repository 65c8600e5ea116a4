#include "block.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "cuda_runtime.h"

__thread uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace eznas::shim {
namespace {

using boost::context::detail::fcontext_t;
using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

constexpr size_t kStack = 128 << 10, kStackGuard = 4096;

const char* nameOf(Meeting meeting) {
  switch (meeting) {
    case Meeting::syncthreads:
      return "__syncthreads";
    case Meeting::syncthreadsVote:
      return "__syncthreads_count/or/and";
    case Meeting::syncwarp:
      return "__syncwarp";
    case Meeting::shuffle:
      return "__shfl_*_sync";
    case Meeting::ballot:
      return "__ballot_sync";
    case Meeting::any:
      return "__any_sync";
    case Meeting::all:
      return "__all_sync";
    case Meeting::mma:
      return "mma";
  }
  return "?";
}

std::string text(uint3 i) {
  return "(" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " + std::to_string(i.z) + ")";
}

}  // namespace

BlockRunner*& activeRunner() {
  static thread_local BlockRunner* runner = nullptr;
  return runner;
}

BlockRunner::~BlockRunner() {
  for (const auto& fiber : fibers_) munmap(fiber->stack, kStackGuard + kStack);
}

unsigned BlockRunner::threadAt(unsigned place) const {
  return grid_->order == Order::forward ? place : count_ - 1 - place;
}

uint3 BlockRunner::indexOf(unsigned thread) const {
  const dim3& block = grid_->block;
  return {thread % block.x, thread / block.x % block.y, thread / block.x / block.y};
}

std::string BlockRunner::run(const Grid& grid, uint3 blockIndex) {
  grid_ = &grid;
  count_ = grid.block.x * grid.block.y * grid.block.z;
  started_ = ended_ = 0;
  if (threads_.size() < count_) threads_.resize(count_);
  for (unsigned i = 0; i < count_; ++i) {
    Thread& thread = threads_[i];
    thread.fiber = nullptr;
    thread.ended = thread.waiting = false;
    thread.openGroup = 0;
    thread.copies.clear();
  }
  warps_.resize((count_ + 31) / 32);
  for (Warp& warp : warps_) warp.arrived = 0;
  ready_.clear();
  barrierArrived_ = barrierVotes_ = 0;
  failure_.clear();
  freeFibers_.clear();
  usedFibers_ = 0;
  blockIdx = blockIndex;
  blockDim = {grid.block.x, grid.block.y, grid.block.z};
  gridDim = {grid.grid.x, grid.grid.y, grid.grid.z};
  dynamic_.prepare(grid.dynamicShared);
  staticShared_.beforeBlock();

  activeRunner() = this;
  running_ = &dispatcher_;
  switchTo(freshFiber());
  activeRunner() = nullptr;
  staticShared_.afterBlock();
  if (failure_.empty() && !dynamic_.startIsWhole()) failure_ = "dynamic shared memory was written before its start";
  return failure_.empty() ? "" : "block " + text(blockIndex) + ": " + failure_;
}

BlockRunner::Fiber* BlockRunner::freshFiber() {
  if (!freeFibers_.empty()) {
    Fiber* fiber = freeFibers_.back();
    freeFibers_.pop_back();
    return fiber;
  }
  if (usedFibers_ == fibers_.size()) {
    auto fiber = std::make_unique<Fiber>();
    void* stack =
        mmap(nullptr, kStackGuard + kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) throw std::bad_alloc();
    fiber->stack = static_cast<char*>(stack);
    mprotect(stack, kStackGuard, PROT_NONE);
    fibers_.push_back(std::move(fiber));
  }
  Fiber* fiber = fibers_[usedFibers_++].get();
  fiber->at = make_fcontext(fiber->stack + kStackGuard + kStack, kStack, fiberMain);
  return fiber;
}

void BlockRunner::switchTo(Fiber* fiber) {
  Fiber* self = running_;
  running_ = fiber;
  const transfer_t from = jump_fcontext(fiber->at, &self->at);
  *static_cast<fcontext_t*>(from.data) = from.fctx;
}

void BlockRunner::fiberMain(transfer_t from) {
  *static_cast<fcontext_t*>(from.data) = from.fctx;
  activeRunner()->fiberLoop();
  std::abort();
}

/// Runs threads that have not started yet, one after another; when a thread that others waited for ends, goes on with
/// those, and stands by for the next that is to be started.
void BlockRunner::fiberLoop() {
  Fiber* self = running_;
  for (;;) {
    if (started_ < count_) {
      const unsigned thread = threadAt(started_++);
      current_ = thread;
      threads_[thread].fiber = self;
      threadIdx = indexOf(thread);
      (*grid_->invocation)();
      performCopies(threads_[thread], 0);
      threads_[thread].ended = true;
      ++ended_;
      releaseBarrier();
    }
    if (!ready_.empty()) {
      freeFibers_.push_back(self);
      switchTo(next());
      continue;
    }
    if (started_ < count_) continue;
    if (ended_ < count_) failure_ = deadlock();
    switchTo(&dispatcher_);
  }
}

BlockRunner::Fiber* BlockRunner::next() {
  if (!ready_.empty()) {
    const unsigned thread = ready_.front();
    ready_.pop_front();
    return threads_[thread].fiber;
  }
  return started_ < count_ ? freshFiber() : nullptr;
}

void BlockRunner::suspend() {
  const unsigned me = current_;
  Fiber* fiber = next();
  if (fiber == nullptr) abandon(deadlock());
  if (fiber != running_) switchTo(fiber);
  current_ = me;
  threadIdx = indexOf(me);
}

void BlockRunner::wake(unsigned thread) {
  threads_[thread].waiting = false;
  ready_.push_back(thread);
}

void BlockRunner::releaseBarrier() {
  if (barrierArrived_ == 0 || barrierArrived_ < static_cast<int>(count_ - ended_)) return;
  barrierResult_[barrierGeneration_ % 2] = barrierVotes_;
  ++barrierGeneration_;
  barrierArrived_ = barrierVotes_ = 0;
  for (unsigned place = 0; place < count_; ++place) {
    const unsigned thread = threadAt(place);
    const Thread& waiting = threads_[thread];
    if (waiting.waiting && waiting.meeting <= Meeting::syncthreadsVote) wake(thread);
  }
}

int BlockRunner::barrier(Meeting meeting, int vote) {
  if (barrierArrived_ > 0 && barrierMeeting_ != meeting)
    abandon(whereAmI() + " is at " + nameOf(meeting) + " while others are at " + nameOf(barrierMeeting_));
  barrierMeeting_ = meeting;
  threads_[current_].meeting = meeting;
  threads_[current_].waiting = true;
  ++barrierArrived_;
  barrierVotes_ += vote;
  const unsigned generation = barrierGeneration_;
  releaseBarrier();
  // Where it was the last to arrive it stands among those woken.
  suspend();
  return barrierResult_[generation % 2];
}

const LaneSlot* BlockRunner::meetWarp(Meeting meeting, unsigned mask, const LaneSlot* mine,
                                      void (*complete)(LaneSlot*)) {
  const unsigned me = current_, first = me / 32 * 32;
  if (mask != 0xffffffffu) abandon(whereAmI() + ": " + nameOf(meeting) + " with a mask that is not full");
  if (first + 32 > count_) abandon(whereAmI() + ": " + nameOf(meeting) + " in a warp of fewer than 32 threads");
  Warp& warp = warps_[me / 32];
  if (warp.arrived > 0 && warp.meeting != meeting)
    abandon(whereAmI() + " is at " + nameOf(meeting) + " while others of its warp are at " + nameOf(warp.meeting));
  warp.meeting = meeting;
  LaneSlot* slots = warp.slots[warp.generation % 2];
  if (mine != nullptr) slots[me - first] = *mine;
  if (++warp.arrived < 32) {
    threads_[me].meeting = meeting;
    threads_[me].waiting = true;
    suspend();
    return slots;
  }
  if (complete != nullptr) complete(slots);
  warp.arrived = 0;
  ++warp.generation;
  for (unsigned i = 0; i < 32; ++i) {
    const unsigned lane = first + (grid_->order == Order::forward ? i : 31 - i);
    if (lane != me) wake(lane);
  }
  return slots;
}

void BlockRunner::copyLater(void* to, const void* from, size_t bytes) {
  const auto misaligned = [&](const void* at) { return reinterpret_cast<uintptr_t>(at) % bytes != 0; };
  if (misaligned(to) || (from != nullptr && misaligned(from)))
    abandon(whereAmI() + ": an asynchronous copy of " + std::to_string(bytes) + " bytes is not aligned to them");
  Thread& thread = threads_[current_];
  thread.copies.push_back({to, from, bytes, thread.openGroup});
}

void BlockRunner::commitCopies() { ++threads_[current_].openGroup; }

void BlockRunner::waitCopies(unsigned groupsLeft) { performCopies(threads_[current_], groupsLeft); }

void BlockRunner::performCopies(Thread& thread, unsigned groupsLeft) {
  size_t done = 0;
  while (done < thread.copies.size() && thread.copies[done].group + groupsLeft < thread.openGroup) {
    const Copy& copy = thread.copies[done++];
    if (copy.from != nullptr)
      std::memcpy(copy.to, copy.from, copy.bytes);
    else
      std::memset(copy.to, 0, copy.bytes);
  }
  thread.copies.erase(thread.copies.begin(), thread.copies.begin() + static_cast<std::ptrdiff_t>(done));
}

void BlockRunner::abandon(const std::string& reason) {
  failure_ = reason;
  switchTo(&dispatcher_);
  std::abort();
}

std::string BlockRunner::whereAmI() const { return "thread " + text(indexOf(current_)); }

std::string BlockRunner::deadlock() const {
  std::string description = "not all threads reach the same barrier:";
  for (const bool ended : {true, false})
    for (int m = 0; m <= static_cast<int>(Meeting::mma); ++m) {
      const auto meeting = static_cast<Meeting>(m);
      unsigned found = 0, first = 0;
      for (unsigned i = count_; i-- > 0;)
        if (threads_[i].ended == ended && (ended || threads_[i].meeting == meeting)) {
          ++found;
          first = i;
        }
      if (found > 0)
        description += " " + std::to_string(found) + (ended ? " ended" : std::string(" wait at ") + nameOf(meeting)) +
                       " (first: thread " + text(indexOf(first)) + ")";
      if (ended) break;
    }
  return description;
}

int barrier(Meeting meeting, int vote) { return activeRunner()->barrier(meeting, vote); }
const LaneSlot* meetWarp(Meeting meeting, unsigned mask, const LaneSlot* mine, void (*complete)(LaneSlot*)) {
  return activeRunner()->meetWarp(meeting, mask, mine, complete);
}
int lane() { return activeRunner()->lane(); }
void* dynamicShared() { return activeRunner()->dynamicShared(); }
void copyLater(void* to, const void* from, size_t bytes) { activeRunner()->copyLater(to, from, bytes); }
void commitCopies() { activeRunner()->commitCopies(); }
void waitCopies(unsigned groupsLeft) { activeRunner()->waitCopies(groupsLeft); }
void trap() { activeRunner()->abandon(activeRunner()->whereAmI() + " executed a trap"); }

}  // namespace eznas::shim
