#pragma once
// What device code asks of the block it runs in.
#include <cstddef>
#include <cstdint>

namespace eznas::shim {

/// Where threads wait for one another. Threads that meet must do so in the same call.
enum class Meeting : uint8_t { syncthreads, syncthreadsVote, syncwarp, shuffle, ballot, any, all, mma };

/// What one lane brings to a meeting of its warp, or takes from it.
struct LaneSlot {
  alignas(8) unsigned char bytes[40];
};

/// Waits for all threads of the block that have not ended; gives the sum of their votes.
int barrier(Meeting meeting, int vote);
/// Waits for all 32 lanes; gives what each brought (until the lane's next meeting but one). `complete`, where given,
/// is run once on all slots when the last lane has come.
const LaneSlot* meetWarp(Meeting meeting, unsigned mask, const LaneSlot* mine = nullptr,
                         void (*complete)(LaneSlot*) = nullptr);
int lane();
/// The block's dynamic shared memory; where it ends is no memory.
void* dynamicShared();
/// cp.async: copies take place when they are waited for. Without `from`, zeros are written.
void copyLater(void* to, const void* from, size_t bytes);
void commitCopies();
void waitCopies(unsigned groupsLeft);
[[noreturn]] void trap();

}  // namespace eznas::shim
