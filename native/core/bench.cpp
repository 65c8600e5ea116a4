#include "native/core/bench.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "kernels/cpu/peak.h"
#include "native/core/error.h"
#include "native/core/memory.h"
#include "native/core/simd.h"

namespace eznas {

// One table per SIMD level (kernels/cpu/peak.cpp).
namespace baseline {
const PeakKernels& peakTable();
}
#if defined(__x86_64__)
namespace avx2 {
const PeakKernels& peakTable();
}
namespace avx512 {
const PeakKernels& peakTable();
}
#endif

namespace {

constexpr int kRounds = 7;
constexpr size_t kPeakIterations = 4'000'000;
constexpr size_t kCopyFloats = size_t{1} << 26;  // 256 MB per array

const PeakKernels& peakKernels() {
#if defined(__x86_64__)
  if (simdLevel() == SimdLevel::avx512) return avx512::peakTable();
  if (simdLevel() == SimdLevel::avx2) return avx2::peakTable();
#endif
  return baseline::peakTable();
}

template <typename Body>
double secondsOf(const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

FeatureMap mapOf(Buffer& buffer, int n, int c, int h, int w, int halo) {
  FeatureMap map{nullptr, n, c, h, w, halo};
  buffer = Buffer(map.floats() + kReadSlack);
  std::memset(buffer.data(), 0, buffer.size() * sizeof(float));
  map.data = buffer.data();
  for (int i = 0; i < n; ++i) {
    for (int b = 0; b < map.blocks(); ++b) {
      const int lanes = std::min(kLanes, c - b * kLanes);
      for (int y = 0; y < h; ++y) {
        for (int x = 0; x < w; ++x) {
          for (int lane = 0; lane < lanes; ++lane) {
            map.at(i, b, y, x)[lane] = static_cast<float>((y * 31 + x * 17 + lane * 7 + b) % 23) / 23.0F - 0.5F;
          }
        }
      }
    }
  }
  return map;
}

}  // namespace

double measurePeak(int threads, JobControl& control) {
  const PeakKernels& kernels = peakKernels();
  double best = 0;
  volatile float sink = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double seconds = secondsOf([&] {
      parallelFor(static_cast<size_t>(threads), threads, control,
                  [&](size_t, int) { sink = kernels.multiplyAdd(kPeakIterations, 0.5F); });
    });
    best = std::max(best, threads * kernels.operations(kPeakIterations) / seconds);
  }
  return best;
}

double measureBandwidth(int threads, JobControl& control) {
  Buffer from(kCopyFloats), to(kCopyFloats);
  std::memset(from.data(), 1, kCopyFloats * sizeof(float));
  std::memset(to.data(), 0, kCopyFloats * sizeof(float));
  const size_t share = kCopyFloats / threads;
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double seconds = secondsOf([&] {
      parallelFor(static_cast<size_t>(threads), threads, control, [&](size_t i, int) {
        std::memcpy(to.data() + i * share, from.data() + i * share, share * sizeof(float));
      });
    });
    best = std::max(best, 2.0 * static_cast<double>(share * threads * sizeof(float)) / seconds);
  }
  return best;
}

double convolutionOperations(const ConvShape& shape, int batch, int h, int w) {
  const int channelsRead = shape.inChannels / shape.groups;
  return 2.0 * batch * shape.outChannels * shape.outH(h) * shape.outW(w) * channelsRead * shape.kernelH * shape.kernelW;
}

std::vector<double> timeConvolution(const ConvShape& shape, int batch, int h, int w, ConvDirection direction,
                                    int repeats, JobControl& control) {
  const NetworkKernels& kernels = networkKernels(simdLevel());
  const int outH = shape.outH(h), outW = shape.outW(w);
  Buffer xStorage, yStorage;
  const FeatureMap x = mapOf(xStorage, batch, shape.inChannels, h, w, kernels.convInputHalo(shape));
  const FeatureMap y = mapOf(yStorage, batch, shape.outChannels, outH, outW, kernels.convGradientHalo(shape));
  const size_t weights =
      static_cast<size_t>(shape.outChannels) * (shape.inChannels / shape.groups) * shape.kernelH * shape.kernelW;
  Buffer weight(weights), gradient(weights), packed(kernels.convPackedSize(shape));
  Buffer scratch(kernels.convScratchSize(shape, batch, h, w) + kReadSlack);
  for (size_t i = 0; i < weights; ++i) weight.data()[i] = static_cast<float>(i % 19) / 19.0F - 0.5F;
  if (direction == ConvDirection::forward) kernels.convPackForward(shape, weight.data(), packed.data());
  if (direction == ConvDirection::backwardData) kernels.convPackBackward(shape, weight.data(), packed.data());

  const auto run = [&] {
    switch (direction) {
      case ConvDirection::forward:
        return kernels.convForward(shape, x, packed.data(), nullptr, y, nullptr, nullptr, scratch.data());
      case ConvDirection::backwardData:
        return kernels.convBackwardData(shape, y, packed.data(), x, false, scratch.data());
      case ConvDirection::backwardWeights:
        return kernels.convBackwardWeights(shape, x, y, gradient.data(), nullptr, scratch.data());
    }
  };
  std::vector<double> seconds;
  run();
  for (int repeat = 0; repeat < repeats; ++repeat) {
    if (control.cancelled) throw Error(code::kAborted, "the operation was aborted");
    seconds.push_back(secondsOf(run));
  }
  return seconds;
}

}  // namespace eznas
