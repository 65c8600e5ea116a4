#pragma once
// CUDA's device language for g++: qualifiers, indices, barriers, warp primitives, atomics and intrinsics. Device code
// runs as threads on fibers (block.h).
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "cuda_runtime_api.h"
#include "device_calls.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ __inline__ __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
// Of the worker thread that runs the block; poisoned before each block (shared_memory.h).
#define __shared__ static __thread

extern __thread uint3 threadIdx __attribute__((tls_model("initial-exec")));
extern __thread uint3 blockIdx __attribute__((tls_model("initial-exec")));
extern __thread uint3 blockDim __attribute__((tls_model("initial-exec")));
extern __thread uint3 gridDim __attribute__((tls_model("initial-exec")));
inline constexpr int warpSize = 32;

inline void __syncthreads() { eznas::shim::barrier(eznas::shim::Meeting::syncthreads, 0); }
inline int __syncthreads_count(int p) {
  return eznas::shim::barrier(eznas::shim::Meeting::syncthreadsVote, p != 0 ? 1 : 0);
}
inline int __syncthreads_or(int p) { return __syncthreads_count(p) > 0 ? 1 : 0; }
inline int __syncthreads_and(int p) { return __syncthreads_count(p == 0 ? 1 : 0) == 0 ? 1 : 0; }
inline void __syncwarp(unsigned mask = 0xffffffffu) { eznas::shim::meetWarp(eznas::shim::Meeting::syncwarp, mask); }

namespace eznas::shim {
/// The value of lane `from`, or one's own where that lies outside [first, last].
template <class T>
T shuffle(unsigned mask, T value, int from, int first, int last) {
  static_assert(sizeof(T) <= 8, "shuffles take up to 8 bytes");
  LaneSlot mine{};
  std::memcpy(mine.bytes, &value, sizeof value);
  const LaneSlot* slots = meetWarp(Meeting::shuffle, mask, &mine);
  if (from >= first && from <= last) std::memcpy(&value, slots[from].bytes, sizeof value);
  return value;
}
inline unsigned ballot(Meeting meeting, unsigned mask, bool predicate) {
  LaneSlot mine{};
  mine.bytes[0] = predicate ? 1 : 0;
  const LaneSlot* slots = meetWarp(meeting, mask, &mine);
  unsigned votes = 0;
  for (unsigned i = 0; i < 32; ++i) votes |= static_cast<unsigned>(slots[i].bytes[0]) << i;
  return votes;
}
}  // namespace eznas::shim

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const int first = eznas::shim::lane() & ~(width - 1);
  return eznas::shim::shuffle(mask, value, first + (source & (width - 1)), 0, 31);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int laneMask, int width = 32) {
  const int lane = eznas::shim::lane();
  return eznas::shim::shuffle(mask, value, lane ^ laneMask, 0, lane | (width - 1));
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = eznas::shim::lane();
  return eznas::shim::shuffle(mask, value, lane - static_cast<int>(delta), lane & ~(width - 1), 31);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = eznas::shim::lane();
  return eznas::shim::shuffle(mask, value, lane + static_cast<int>(delta), 0, lane | (width - 1));
}
inline unsigned __ballot_sync(unsigned mask, int p) {
  return eznas::shim::ballot(eznas::shim::Meeting::ballot, mask, p != 0);
}
inline int __any_sync(unsigned mask, int p) {
  return eznas::shim::ballot(eznas::shim::Meeting::any, mask, p != 0) != 0 ? 1 : 0;
}
inline int __all_sync(unsigned mask, int p) {
  return eznas::shim::ballot(eznas::shim::Meeting::all, mask, p != 0) == 0xffffffffu ? 1 : 0;
}
inline unsigned __activemask() { return 0xffffffffu; }
inline unsigned __reduce_add_sync(unsigned mask, unsigned value) {
  for (int d = 16; d > 0; d /= 2) value += __shfl_xor_sync(mask, value, d);
  return value;
}

inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_system() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __nanosleep(unsigned) {}
[[noreturn]] inline void __trap() { eznas::shim::trap(); }

namespace eznas::shim {
/// Replaces *at by change(*at) at once, and gives what stood there.
template <class T, class Change>
T atomically(T* at, Change change) {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  static_assert(sizeof(T) == sizeof(Bits));
  auto* bits = reinterpret_cast<Bits*>(at);
  Bits seen = __atomic_load_n(bits, __ATOMIC_RELAXED);
  for (;;) {
    const auto next = std::bit_cast<Bits>(static_cast<T>(change(std::bit_cast<T>(seen))));
    if (__atomic_compare_exchange_n(bits, &seen, next, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
      return std::bit_cast<T>(seen);
  }
}
/// Keeps an argument from taking part in template deduction.
template <class T>
struct Same {
  using type = T;
};
}  // namespace eznas::shim

template <class T>
T atomicAdd(T* at, typename eznas::shim::Same<T>::type value) {
  return eznas::shim::atomically(at, [=](T old) { return old + value; });
}
template <class T>
T atomicSub(T* at, typename eznas::shim::Same<T>::type value) {
  return eznas::shim::atomically(at, [=](T old) { return old - value; });
}
template <class T>
T atomicMax(T* at, typename eznas::shim::Same<T>::type value) {
  return eznas::shim::atomically(at, [=](T old) { return old < value ? value : old; });
}
template <class T>
T atomicMin(T* at, typename eznas::shim::Same<T>::type value) {
  return eznas::shim::atomically(at, [=](T old) { return value < old ? value : old; });
}
template <class T>
T atomicExch(T* at, typename eznas::shim::Same<T>::type value) {
  return eznas::shim::atomically(at, [=](T) { return value; });
}
template <class T>
T atomicOr(T* at, typename eznas::shim::Same<T>::type value) {
  return eznas::shim::atomically(at, [=](T old) { return old | value; });
}
template <class T>
T atomicAnd(T* at, typename eznas::shim::Same<T>::type value) {
  return eznas::shim::atomically(at, [=](T old) { return old & value; });
}
template <class T>
T atomicCAS(T* at, typename eznas::shim::Same<T>::type expected, typename eznas::shim::Same<T>::type value) {
  return eznas::shim::atomically(at, [=](T old) { return old == expected ? value : old; });
}

template <class T>
T __ldg(const T* at) {
  return *at;
}
template <class T>
T __ldcs(const T* at) {
  return *at;
}
template <class T>
T __ldcg(const T* at) {
  return *at;
}
template <class T>
void __stcs(T* at, T value) {
  *at = value;
}
template <class T>
void __stcg(T* at, T value) {
  *at = value;
}

inline int __float_as_int(float a) { return std::bit_cast<int>(a); }
inline unsigned __float_as_uint(float a) { return std::bit_cast<unsigned>(a); }
inline float __int_as_float(int a) { return std::bit_cast<float>(a); }
inline float __uint_as_float(unsigned a) { return std::bit_cast<float>(a); }
inline long long __double_as_longlong(double a) { return std::bit_cast<long long>(a); }
inline double __longlong_as_double(long long a) { return std::bit_cast<double>(a); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return __builtin_sqrtf(a); }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double a) { return __builtin_sqrt(a); }
inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline float __double2float_rn(double a) { return static_cast<float>(a); }
inline float __int2float_rn(int a) { return static_cast<float>(a); }
inline float __uint2float_rn(unsigned a) { return static_cast<float>(a); }
inline int __float2int_rn(float a) { return static_cast<int>(std::nearbyint(a)); }
inline int __float2int_rz(float a) { return static_cast<int>(a); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>((uint64_t{a} * b) >> 32); }
inline int __popc(unsigned a) { return std::popcount(a); }
inline int __popcll(unsigned long long a) { return std::popcount(a); }
inline int __clz(int a) { return std::countl_zero(static_cast<unsigned>(a)); }
inline int __clzll(long long a) { return std::countl_zero(static_cast<unsigned long long>(a)); }
inline int __ffs(int a) { return __builtin_ffs(a); }
inline float rsqrtf(float a) { return 1.0f / __builtin_sqrtf(a); }
inline double rsqrt(double a) { return 1.0 / __builtin_sqrt(a); }
template <class T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}
