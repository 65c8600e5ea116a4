#pragma once
// What the pretend device allows: an H100's limits (CUDA C++ Programming Guide, "Technical specifications per compute
// capability", 9.0).
#include <cstddef>

namespace eznas::shim {

inline constexpr int kMaxThreadsPerBlock = 1024;
inline constexpr size_t kDefaultDynamicShared = 48 << 10;
inline constexpr size_t kMaxDynamicShared = 227 << 10;
inline constexpr size_t kSharedPerMultiprocessor = 228 << 10;
inline constexpr size_t kReservedSharedPerBlock = 1 << 10;

}  // namespace eznas::shim
