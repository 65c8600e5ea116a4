// Convolution throughput per shape, direction and batch: GFLOP/s and per cent of the multiply-add peak that a loop of
// independent vector multiply-adds reaches in the same run, on one thread. Usage: conv_bench [name filter]; EZNAS_SIMD
// chooses the level.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels/cpu/network_kernels.h"
#include "native/core/simd.h"

namespace {

using namespace eznas;
using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// GFLOP/s of kAccumulators independent chains of a · x + b on vectors of the given type.
template <class V, int kAccumulators>
[[gnu::always_inline]] inline double multiplyAddRate() {
  constexpr int kSteps = 50'000;
  V acc[kAccumulators], x{}, y{};
  x += 0.999f, y += 0.001f;
  for (V& a : acc) a = y;
  asm volatile("" ::: "memory");
  const auto start = Clock::now();
  for (int i = 0; i < kSteps; ++i) {
#pragma GCC unroll 16
    for (int k = 0; k < kAccumulators; ++k) {
      acc[k] = acc[k] * x + y;
    }
  }
  const double seconds = secondsSince(start);
  V total{};
  for (const V& a : acc) total += a;
  volatile float sink = total[0];
  static_cast<void>(sink);
  return 2e-9 * kSteps * kAccumulators * static_cast<double>(sizeof(V) / sizeof(float)) / seconds;
}

typedef float Vec4 __attribute__((vector_size(16)));
typedef float Vec8 __attribute__((vector_size(32)));
typedef float Vec16 __attribute__((vector_size(64)));

double baselineRate() { return multiplyAddRate<Vec4, 12>(); }
#if defined(__x86_64__)
#define EZNAS_TARGET(features) __attribute__((target(features), noinline))
#else
#define EZNAS_TARGET(features) __attribute__((noinline))
#endif
EZNAS_TARGET("avx2,fma") double avx2Rate() { return multiplyAddRate<Vec8, 12>(); }
EZNAS_TARGET("avx512f,fma") double avx512Rate() { return multiplyAddRate<Vec16, 12>(); }

double peak() {
  double best = 0;
  for (int i = 0; i < 1000; ++i) {
    const SimdLevel level = simdLevel();
    best = std::max(best, level == SimdLevel::avx512 ? avx512Rate()
                          : level == SimdLevel::avx2 ? avx2Rate()
                                                     : baselineRate());
  }
  return best;
}

/// Seconds per call, the best of many short rounds: what the machine does for others between them leaves it alone.
template <class F>
double secondsPerCall(F f) {
  constexpr double kRound = 3e-4, kTotal = 0.1;
  f();
  auto start = Clock::now();
  f();
  const int calls = std::max(1, static_cast<int>(kRound / std::max(secondsSince(start), 1e-7)));
  double best = 1e30;
  for (const auto begin = Clock::now(); secondsSince(begin) < kTotal;) {
    start = Clock::now();
    for (int i = 0; i < calls; ++i) f();
    best = std::min(best, secondsSince(start) / calls);
  }
  return best;
}

struct Case {
  const char* name;
  ConvShape shape;
  int h, w;
};

constexpr Case kCases[] = {
    {"3x3 16ch 32x32", {16, 16, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 32, 32},
    {"3x3 32ch 16x16", {32, 32, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 16, 16},
    {"3x3 64ch 8x8", {64, 64, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 8, 8},
    {"1x1 16ch 32x32", {16, 16, 1, 1, 1, 1, 1, 0, 0, 1, 1}, 32, 32},
    {"1x1 32ch 16x16", {32, 32, 1, 1, 1, 1, 1, 0, 0, 1, 1}, 16, 16},
    {"1x1 64ch 8x8", {64, 64, 1, 1, 1, 1, 1, 0, 0, 1, 1}, 8, 8},
    {"stem 3x3 3-16 32x32", {3, 16, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 32, 32},
    {"3x3 s2 16-32 32x32", {16, 32, 1, 3, 3, 2, 2, 1, 1, 1, 1}, 32, 32},
    {"3x3 s2 32-64 16x16", {32, 64, 1, 3, 3, 2, 2, 1, 1, 1, 1}, 16, 16},
    {"1x1 s2 64-128 16x16", {64, 128, 1, 1, 1, 2, 2, 0, 0, 1, 1}, 16, 16},
    {"3x3 128ch 8x8", {128, 128, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 8, 8},
    {"3x3 64ch 4x4", {64, 64, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 4, 4},
    {"3x3 40ch 14x14", {40, 40, 1, 3, 3, 1, 1, 1, 1, 1, 1}, 14, 14},
    {"3x3 d2 32ch 16x16", {32, 32, 1, 3, 3, 1, 1, 2, 2, 2, 2}, 16, 16},
    {"5x5 32ch 16x16", {32, 32, 1, 5, 5, 1, 1, 2, 2, 1, 1}, 16, 16},
    {"depthwise 3x3 32ch 16x16", {32, 32, 32, 3, 3, 1, 1, 1, 1, 1, 1}, 16, 16},
    {"depthwise 5x5 64ch 8x8", {64, 64, 64, 5, 5, 1, 1, 2, 2, 1, 1}, 8, 8},
    {"groups 8 3x3 64ch 8x8", {64, 64, 8, 3, 3, 1, 1, 1, 1, 1, 1}, 8, 8},
};

std::vector<float> storage(size_t floats) { return std::vector<float>(floats + kReadSlack, 0.0f); }

FeatureMap mapIn(std::vector<float>& memory, int n, int c, int h, int w, int halo) {
  const FeatureMap shape{nullptr, n, c, h, w, halo};
  memory = storage(shape.floats() + kLanes);
  FeatureMap m = shape;
  m.data = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) / sizeof(float) % kLanes;
  for (int i = 0; i < n; ++i)
    for (int ch = 0; ch < c; ++ch)
      for (int y = 0; y < h; ++y)
        for (int x = 0; x < w; ++x)
          m.at(i, ch / kLanes, y, x)[ch % kLanes] = std::sin(static_cast<float>(((i * c + ch) * h + y) * w + x));
  return m;
}

void benchCase(const NetworkKernels& k, const Case& c, int batch, double top) {
  const ConvShape& s = c.shape;
  const int oh = s.outH(c.h), ow = s.outW(c.w);
  std::vector<float> memory[4], scratch = storage(k.convScratchSize(s, batch, c.h, c.w));
  const FeatureMap x = mapIn(memory[0], batch, s.inChannels, c.h, c.w, k.convInputHalo(s));
  const FeatureMap y = mapIn(memory[1], batch, s.outChannels, oh, ow, 1);
  const FeatureMap gy = mapIn(memory[2], batch, s.outChannels, oh, ow, k.convGradientHalo(s));
  const FeatureMap gx = mapIn(memory[3], batch, s.inChannels, c.h, c.w, 1);
  const size_t weights = static_cast<size_t>(s.outChannels) * (s.inChannels / s.groups) * s.kernelH * s.kernelW;
  std::vector<float> weight(weights, 0.01f), gw(weights), forward = storage(k.convPackedSize(s)),
                                                          backward = storage(k.convPackedSize(s));
  k.convPackForward(s, weight.data(), forward.data());
  k.convPackBackward(s, weight.data(), backward.data());
  std::vector<double> sums(s.outChannels), squares(s.outChannels);
  const double gflop = 2e-9 * static_cast<double>(weights) * batch * oh * ow;
  const double seconds[] = {
      secondsPerCall([&] { k.convForward(s, x, forward.data(), nullptr, y, nullptr, nullptr, scratch.data()); }),
      secondsPerCall(
          [&] { k.convForward(s, x, forward.data(), nullptr, y, sums.data(), squares.data(), scratch.data()); }),
      secondsPerCall([&] { k.convBackwardData(s, gy, backward.data(), gx, false, scratch.data()); }),
      secondsPerCall([&] { k.convBackwardWeights(s, x, gy, gw.data(), nullptr, scratch.data()); })};
  std::printf("%-26s %5d", c.name, batch);
  for (const double t : seconds) std::printf("  %6.1f %5.1f%%", gflop / t, 100 * gflop / t / top);
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const char* filter = argc > 1 ? argv[1] : "";
  const double top = peak();
  std::printf("%s, one thread, multiply-add peak %.1f GFLOP/s\n", name(simdLevel()), top);
  std::printf("%-26s %5s  %-14s  %-14s  %-14s  %-14s\n", "GFLOP/s, % of peak", "batch", "forward", "forward + sums",
              "backward data", "backward weights");
  for (const Case& c : kCases)
    if (std::strstr(c.name, filter) != nullptr)
      for (const int batch : {1, 16}) benchCase(networkKernels(simdLevel()), c, batch, top);
  std::printf("multiply-add peak afterwards %.1f GFLOP/s\n", peak());
  return 0;
}
