#include "native/cuda/network_costs.h"

#include "native/cuda/network_builder.h"
#include "native/cuda/network_launches.h"

namespace eznas::cuda {
namespace {

constexpr double kFloat = sizeof(float);

/// Products of a sweep: each a multiplication and an addition.
StepCost sweepCost(const ConvSweep& s, bool whole, bool masked) {
  const double pixels = static_cast<double>(s.batch) * s.rows * s.cols;
  const SweepTileSize& tile = kSweepTileSizes[static_cast<int>(s.tile)];
  StepCost cost;
  cost.flops = 2 * pixels * s.targetChannels * s.groupSources * s.taps();
  cost.issued =
      2.0 * s.pixelTiles * tile.pixels * s.groups * s.targetTiles * tile.channels * s.chunk * s.stages * s.stageTaps();
  const double source = static_cast<double>(s.batch) * s.sourceChannels * s.sourceH * s.sourceW;
  cost.bytes = kFloat * (source + pixels * s.targetChannels * ((whole ? 1 : 0) + (masked ? 2 : 0)));
  return cost;
}

}  // namespace

StepCost costOf(const Step& step, int batch) {
  const LaunchShape shape = launchShape(step.key, batch);
  const auto& p = step.operands;
  const auto has = [&](size_t i) { return static_cast<bool>(p[i]); };
  switch (step.key.op) {
    case Op::convForward:
    case Op::convBackward:
      return sweepCost(std::get<SweepAndPacking>(shape).sweep, has(3), has(5));
    case Op::convWeights: {
      const auto& s = std::get<ConvWeights>(shape);
      const double pixels = static_cast<double>(s.batch) * s.outerH * s.outerW;
      const double blocks =
          static_cast<double>(s.groups) * s.outerTiles * s.sourceBlocks * s.tapRowBlocks * s.tapColBlocks;
      StepCost cost;
      cost.flops = 2 * pixels * static_cast<double>(s.weights());
      const int tilePixels = (s.tileImages * s.tileRows * s.tileCols + 7) / 8 * 8;
      cost.issued =
          2 * blocks * s.pixelTiles * tilePixels * s.channels() * 8 * s.sourceTiles * s.blockTapRows * s.blockTapCols;
      cost.bytes =
          kFloat * (pixels * s.outerChannels + static_cast<double>(s.batch) * s.sourceChannels * s.sourceH * s.sourceW +
                    2 * static_cast<double>(s.partialFloats()) + static_cast<double>(s.weights()));
      return cost;
    }
    case Op::depthwiseForward:
    case Op::depthwiseBackward:
    case Op::depthwiseWeights: {
      const auto& s = std::get<Depthwise>(shape);
      const double planes = static_cast<double>(s.batch) * s.channels;
      const double x = planes * s.inH * s.inW, y = planes * s.outH * s.outW;
      const double flops = 2 * y * s.kernelH * s.kernelW;
      const double written = step.key.op == Op::depthwiseForward    ? x + y
                             : step.key.op == Op::depthwiseBackward ? y + x * ((has(3) ? 1 : 0) + (has(5) ? 2 : 0))
                                                                    : x + y;
      return {flops, flops, kFloat * written};
    }
    case Op::biasGradient: {
      const auto& s = std::get<BiasShape>(shape);
      return {0, 0, kFloat * s.batch * s.channels * s.pixels};
    }
    case Op::batchStatistics:
    case Op::normalizeBackward: {
      const auto& s = std::get<BatchNorm>(shape);
      // A gradient reads both maps twice and writes one; those of scale and shift alone read them once.
      const double passes = step.key.op == Op::batchStatistics ? 1 : has(7) ? 5 : 2;
      return {0, 0, kFloat * passes * s.batch * s.channels * s.pixels};
    }
    case Op::sum:
      return {0, 0, kFloat * (step.terms + 1) * static_cast<double>(std::get<MapShape>(shape).elements())};
    case Op::activate:
      return {0, 0, kFloat * 2 * static_cast<double>(std::get<MapShape>(shape).elements())};
    case Op::activateBackward:
      return {0, 0, kFloat * 3 * static_cast<double>(std::get<MapShape>(shape).elements())};
    case Op::multiply:
    case Op::productSums: {
      const auto& s = std::get<MapShape>(shape);
      const double gates = static_cast<double>(s.batch) * s.channels, numbers = static_cast<double>(s.elements());
      const bool gated = step.key.op == Op::productSums || step.key.shape[2] != 0;
      return {0, 0, kFloat * (2 * numbers + (gated ? gates : numbers))};
    }
    case Op::fill:
    case Op::globalPool:
    case Op::globalPoolBackward:
      return {0, 0, kFloat * static_cast<double>(std::get<MapShape>(shape).elements())};
    case Op::copyRegion: {
      const auto& s = std::get<Region>(shape);
      return {0, 0, kFloat * 2 * s.batch * s.channels * s.height * s.width};
    }
    case Op::maxPool:
    case Op::maxPoolBackward:
    case Op::avgPool:
    case Op::avgPoolBackward: {
      const auto& s = std::get<Pooling>(shape);
      const bool positions = step.key.op == Op::maxPoolBackward || (step.key.op == Op::maxPool && has(2));
      return {0, 0,
              kFloat * s.planes * (static_cast<double>(s.inH) * s.inW + (positions ? 2.0 : 1.0) * s.outH * s.outW)};
    }
    case Op::linear:
    case Op::linearBackward:
    case Op::linearWeights: {
      const auto& s = std::get<Linear>(shape);
      const double flops = 2.0 * s.batch * s.inputs * s.features;
      return {flops, flops, kFloat * (static_cast<double>(s.inputs) * s.features + s.batch * (s.inputs + s.features))};
    }
    case Op::packForward:
    case Op::packBackward:
      return {0, 0, kFloat * 2 * static_cast<double>(std::get<SweepAndPacking>(shape).sweep.packedFloats())};
  }
  return {};
}

}  // namespace eznas::cuda
