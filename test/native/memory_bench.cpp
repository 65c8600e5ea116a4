// Bandwidth of the kernels that are bound by memory: GB/s of floats read and written (padding not counted), beside
// what std::memcpy reaches on the same number of bytes in the same run, on one thread. EZNAS_SIMD chooses the level.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels/cpu/network_kernels.h"
#include "native/core/simd.h"

namespace {

using namespace eznas;
using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

template <class F>
double secondsPerCall(F f) {
  f();
  auto start = Clock::now();
  f();
  const int calls = std::max(1, static_cast<int>(2e-4 / std::max(secondsSince(start), 1e-7)));
  double best = 1e30;
  for (const auto begin = Clock::now(); secondsSince(begin) < 0.05;) {
    start = Clock::now();
    for (int i = 0; i < calls; ++i) f();
    best = std::min(best, secondsSince(start) / calls);
  }
  return best;
}

struct Storage {
  std::vector<float> memory;
  FeatureMap map;
  Storage(int n, int c, int h, int w, int halo) : map{nullptr, n, c, h, w, halo} {
    memory.assign(map.floats() + kReadSlack + kLanes, 0.0f);
    map.data = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) / sizeof(float) % kLanes;
  }
};

void benchSize(const NetworkKernels& k, int n, int c, int h, int w) {
  const Storage sx(n, c, h, w, 1), sz(n, c, h, w, 1), sy(n, c, h, w, 1);
  const FeatureMap &x = sx.map, &z = sz.map, &y = sy.map;
  const size_t floats = static_cast<size_t>(n) * c * h * w;
  const Storage plainStorage(n, c, h, w, 0), baseStorage(n, c, h, w, 0);  // plain maps, for the alignment
  float* const plain = plainStorage.map.data;
  float* const base = baseStorage.map.data;
  const int channels = x.blocks() * kLanes;
  std::vector<float> mean(channels, 0.1f), inverse(channels, 1), scale(channels, 1), shift(channels, 0);
  std::vector<float> gScale(channels), gShift(channels);
  std::vector<double> means(channels), variances(channels);
  k.pack(plain, x);
  k.pack(plain, z);
  std::vector<int32_t> argmax(floats * 2 + kLanes);
  const PoolShape pool{3, 3, 1, 1, 1, 1, false};
  const FeatureMap inputs[] = {x, z, x, z};
  std::printf("%d x %d x %d x %d (%.0f KiB)\n", n, c, h, w, static_cast<double>(floats) * 4 / 1024);
  const auto line = [&](const char* what, int passes, auto f) {
    const double seconds = secondsPerCall(f);
    std::printf("  %-34s %7.1f GB/s  %8.2f us\n", what, 4e-9 * static_cast<double>(floats) * passes / seconds,
                seconds * 1e6);
  };
  line("memcpy", 2, [&] { std::memcpy(plain, base, floats * sizeof(float)); });
  line("copy", 2, [&] { k.copy(x, y, false); });
  line("copy, accumulated", 3, [&] { k.copy(x, y, true); });
  line("sum of 2", 3, [&] { k.sum(inputs, 2, y); });
  line("sum of 4", 5, [&] { k.sum(inputs, 4, y); });
  line("relu", 2, [&] { k.activate(Activation::relu, x, x, y); });
  line("relu gradient", 3, [&] { k.activateBackward(Activation::relu, x, x, z, y, false); });
  line("copyRegion, whole blocks", 2, [&] { k.copyRegion(x, 0, 0, 0, y, 0, 0, 0, c, h, w, false); });
  line("copyRegion, shifted by 5 channels", 2, [&] { k.copyRegion(x, 0, 0, 0, y, 5, 0, 0, c - 5, h, w, false); });
  line("batch statistics", 1, [&] { k.batchStatistics(x, means.data(), variances.data()); });
  line("normalize", 2, [&] { k.normalizeForward(x, mean.data(), inverse.data(), scale.data(), shift.data(), y); });
  line("normalize gradient (5 passes)", 5, [&] {
    k.normalizeBackward(x, z, mean.data(), inverse.data(), scale.data(), y, false, gScale.data(), gShift.data());
  });
  line("pack", 2, [&] { k.pack(plain, y); });
  line("unpack", 2, [&] { k.unpack(x, nullptr, plain); });
  line("unpack, less base", 3, [&] { k.unpack(x, base, plain); });
  line("unpackMasked", 3, [&] { k.unpackMasked(z, x, nullptr, plain); });
  line("average pool 3x3", 2, [&] { k.avgPoolForward(pool, x, y); });
  line("average pool 3x3 gradient", 2, [&] { k.avgPoolBackward(pool, x, y, false); });
  line("max pool 3x3", 2, [&] { k.maxPoolForward(pool, x, y, argmax.data()); });
  line("max pool 3x3 gradient", 2, [&] { k.maxPoolBackward(pool, x, argmax.data(), y, false); });
}

}  // namespace

int main() {
  const NetworkKernels& k = networkKernels(simdLevel());
  std::printf("%s, one thread\n", name(simdLevel()));
  benchSize(k, 1, 16, 32, 32);
  benchSize(k, 1, 64, 8, 8);
  benchSize(k, 16, 16, 32, 32);
  benchSize(k, 16, 64, 8, 8);
  return 0;
}
