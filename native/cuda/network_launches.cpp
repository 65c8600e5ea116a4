#include "native/cuda/network_launches.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <unordered_map>

#include "kernels/cuda/activation.h"
#include "kernels/cuda/conv_sweep.h"
#include "native/core/thread_pool.h"
#include "native/cuda/network_builder.h"
#include "native/cuda/network_items.h"

namespace eznas::cuda {
namespace {

constexpr uint32_t kMostItems = 65535;  // rows of a grid

struct KeyHash {
  size_t operator()(const StepKey& key) const {
    uint64_t hash = static_cast<uint64_t>(key.op) * 0x9E3779B97F4A7C15u;
    for (const int32_t v : key.shape) hash = (hash ^ static_cast<uint32_t>(v)) * 0x100000001B3u;
    return hash ^ hash >> 32;
  }
};

const std::vector<Step>& packingOf(const NetworkProgram& program) { return program.packing; }
const std::vector<Step>& stepsOf(const NetworkProgram& program) { return program.steps; }

/// Where a launch's items begin, of whatever type the launch takes.
struct Items {
  const std::byte* first;
  template <class Item>
  operator const Item*() const {
    return reinterpret_cast<const Item*>(first);
  }
};

size_t rounded(size_t bytes) { return (bytes + 15) / 16 * 16; }

}  // namespace

LaunchShape launchShape(const StepKey& key, int batch) {
  const auto& s = key.shape;
  switch (key.op) {
    case Op::convForward:
    case Op::packForward:
      return forwardSweep(convShapeOf(key), batch, s[11], s[12], s[13] != 0);
    case Op::convBackward:
    case Op::packBackward:
      return backwardSweeps(convShapeOf(key), batch, s[11], s[12])[static_cast<size_t>(s[14])];
    case Op::convWeights:
      return weightGradient(convShapeOf(key), batch, s[11], s[12], s[13] != 0);
    case Op::depthwiseForward:
    case Op::depthwiseBackward:
    case Op::depthwiseWeights: {
      const ConvShape c = convShapeOf(key);
      return Depthwise{batch,     c.inChannels, s[11],  s[12],  c.outH(s[11]), c.outW(s[12]), c.kernelH, c.kernelW,
                       c.strideH, c.strideW,    c.padH, c.padW, c.dilationH,   c.dilationW,   s[13] != 0};
    }
    case Op::biasGradient:
      return BiasShape{batch, s[0], s[1]};
    case Op::batchStatistics:
    case Op::normalizeBackward:
      return BatchNorm(batch, s[0], s[1]);
    case Op::sum:
    case Op::activate:
    case Op::activateBackward:
    case Op::multiply:
    case Op::productSums:
      return MapShape(batch, s[0], s[1]);
    case Op::fill:
      // The item's channels: maps have images, a row of numbers has one.
      return MapShape(s[3] != 0 ? 1 : batch, s[0], s[1]);
    case Op::copyRegion:
      return Region{batch, s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8]};
    case Op::maxPool:
    case Op::maxPoolBackward:
    case Op::avgPool:
    case Op::avgPoolBackward:
      return Pooling{batch * s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9], s[10], s[11] != 0};
    case Op::globalPool:
    case Op::globalPoolBackward:
      return MapShape(batch, s[0], s[1]);
    case Op::linear:
    case Op::linearBackward:
    case Op::linearWeights:
      return Linear{batch, s[0], s[1]};
  }
  return {};
}

NetworkLaunches::NetworkLaunches(std::span<const NetworkProgram* const> programs, int batch, bool tf32)
    : programs_(programs), batch_(batch), tf32_(tf32) {
  merge(&packingOf, packing_, packingEntries_);
  merge(&stepsOf, launches_, entries_);
  for (const StepKey& key : keys_) shapes_.push_back(launchShape(key, batch));
}

/// Orders all networks' steps by direction, level and key, by counting.
void NetworkLaunches::merge(StepsOf list, std::vector<Launch>& launches, std::vector<Entry>& entries) {
  std::unordered_map<StepKey, int, KeyHash> known;
  for (size_t k = 0; k < keys_.size(); ++k) known.emplace(keys_[k], static_cast<int>(k));
  int forwardLevels = 1, backwardLevels = 0;
  for (const NetworkProgram* program : programs_) {
    forwardLevels = std::max(forwardLevels, program->forwardLevels);
    backwardLevels = std::max(backwardLevels, program->backwardLevels);
  }
  struct Place {
    int level, key;
  };
  std::vector<Place> places;
  for (const NetworkProgram* program : programs_) {
    for (const Step& step : list(*program)) {
      const auto [found, isNew] = known.try_emplace(step.key, static_cast<int>(keys_.size()));
      if (isNew) keys_.push_back(step.key);
      places.push_back({step.backward ? forwardLevels + step.level : step.level, found->second});
    }
  }
  const size_t columns = keys_.size();
  std::vector<uint32_t> starts(static_cast<size_t>(forwardLevels + backwardLevels) * columns + 1, 0);
  const auto cell = [&](const Place& p) { return static_cast<size_t>(p.level) * columns + static_cast<size_t>(p.key); };
  for (const Place& p : places) ++starts[cell(p) + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());

  entries.resize(places.size());
  std::vector<uint32_t> next(starts.begin(), starts.end() - 1);
  size_t index = 0;
  for (uint32_t n = 0; n < programs_.size(); ++n)
    for (uint32_t s = 0; s < list(*programs_[n]).size(); ++s) entries[next[cell(places[index++])]++] = {n, s, 0, 0};

  for (size_t c = 0; c + 1 < starts.size(); ++c) {
    for (uint32_t first = starts[c]; first < starts[c + 1]; first += kMostItems) {
      const uint32_t count = std::min(starts[c + 1] - first, kMostItems);
      const auto key = static_cast<int>(c % columns);
      const int level = static_cast<int>(c / columns);
      launches.push_back(
          {key, count, tableBytes_, level >= forwardLevels, level >= forwardLevels ? level - forwardLevels : level});
      const Op op = keys_[static_cast<size_t>(key)].op;
      for (uint32_t e = first; e < first + count; ++e) entries[e].item = tableBytes_ + (e - first) * itemBytes(op);
      tableBytes_ += rounded(count * itemBytes(op));
      if (op != Op::sum) continue;
      for (uint32_t e = first; e < first + count; ++e) {
        entries[e].terms = tableBytes_;
        tableBytes_ +=
            rounded(static_cast<size_t>(list(*programs_[entries[e].network])[entries[e].step].terms) * sizeof(SumTerm));
      }
    }
  }
}

void NetworkLaunches::writeTable(std::span<const NetworkAddresses> addresses, std::byte* host, const std::byte* device,
                                 int threads) const {
  constexpr size_t kShare = 4096;  // entries that a thread takes at a time
  const auto write = [&](StepsOf list, const std::vector<Entry>& entries) {
    JobControl control;
    parallelFor((entries.size() + kShare - 1) / kShare, threads, control, [&](size_t share, int) {
      const size_t first = share * kShare, count = std::min(kShare, entries.size() - first);
      writeEntries(list, std::span(entries).subspan(first, count), addresses, host, device);
    });
  };
  write(&packingOf, packingEntries_);
  write(&stepsOf, entries_);
}

void NetworkLaunches::writeEntries(StepsOf list, std::span<const Entry> entries,
                                   std::span<const NetworkAddresses> addresses, std::byte* host,
                                   const std::byte* device) const {
  for (const Entry& entry : entries) {
    const NetworkProgram& program = *programs_[entry.network];
    const NetworkAddresses& places = addresses[entry.network];
    const auto resolve = [&](const Operand& operand) -> float* {
      if (!operand) return nullptr;
      const Buffer& buffer = program.buffers[static_cast<size_t>(operand.buffer)];
      float* const start = buffer.room == Room::recorded
                               ? places.recorded[static_cast<size_t>(operand.buffer)]
                               : places.rooms[static_cast<size_t>(buffer.room)] + buffer.offset;
      return start + operand.element;
    };
    const Step& step = list(program)[entry.step];
    std::array<float*, kMostOperands> pointers;
    std::transform(step.operands.begin(), step.operands.end(), pointers.begin(), resolve);
    if (step.key.op != Op::sum) {
      writeItem(step.key.op, pointers, host + entry.item);
      continue;
    }
    const SumItem item{pointers[0], reinterpret_cast<const SumTerm*>(device + entry.terms), step.terms};
    std::memcpy(host + entry.item, &item, sizeof item);
    for (int t = 0; t < step.terms; ++t) {
      const Term& term = program.terms[static_cast<size_t>(step.firstTerm) + static_cast<size_t>(t)];
      const SumTerm values{resolve(term.x), resolve(term.mean), resolve(term.inverseStd), resolve(term.scale),
                           resolve(term.shift)};
      std::memcpy(host + entry.terms + static_cast<size_t>(t) * sizeof values, &values, sizeof values);
    }
  }
}

void NetworkLaunches::pack(const std::byte* table, cudaStream_t stream) const {
  for (const Launch& launch : packing_) start(launch, table, stream);
}

void NetworkLaunches::run(const std::byte* table, cudaStream_t stream) const {
  for (const Launch& launch : launches_) start(launch, table, stream);
}

void NetworkLaunches::start(const Launch& launch, const std::byte* table, cudaStream_t stream) const {
  const StepKey& key = keys_[static_cast<size_t>(launch.shape)];
  const LaunchShape& shape = shapes_[static_cast<size_t>(launch.shape)];
  const Items items{table + launch.items};
  const int count = static_cast<int>(launch.count);
  switch (key.op) {
    case Op::convForward:
    case Op::convBackward:
      return launchConvSweep(std::get<SweepAndPacking>(shape).sweep, items, count, tf32_, stream);
    case Op::packForward:
    case Op::packBackward: {
      const auto& s = std::get<SweepAndPacking>(shape);
      return launchConvPack(s.sweep, s.packing, items, count, tf32_, stream);
    }
    case Op::convWeights:
      return launchConvWeights(std::get<ConvWeights>(shape), items, count, tf32_, stream);
    case Op::depthwiseForward:
      return launchDepthwiseForward(std::get<Depthwise>(shape), items, count, stream);
    case Op::depthwiseBackward:
      return launchDepthwiseBackward(std::get<Depthwise>(shape), items, count, stream);
    case Op::depthwiseWeights:
      return launchDepthwiseWeights(std::get<Depthwise>(shape), items, count, stream);
    case Op::biasGradient:
      return launchBiasGradient(std::get<BiasShape>(shape), items, count, stream);
    case Op::batchStatistics:
      return launchBatchStatistics(std::get<BatchNorm>(shape), items, count, stream);
    case Op::normalizeBackward:
      return launchNormalizeBackward(std::get<BatchNorm>(shape), items, count, stream);
    case Op::sum:
      return launchSum(std::get<MapShape>(shape), items, count, stream);
    case Op::activate:
      return launchActivation(Activation{key.shape[2]}, std::get<MapShape>(shape).elements(), items, count, stream);
    case Op::activateBackward:
      return launchActivationBackward(Activation{key.shape[2]}, std::get<MapShape>(shape).elements(), items, count,
                                      stream);
    case Op::multiply:
      return launchMultiply(std::get<MapShape>(shape), key.shape[2] != 0, items, count, stream);
    case Op::productSums:
      return launchProductSums(std::get<MapShape>(shape), items, count, stream);
    case Op::copyRegion:
      return launchCopyRegion(std::get<Region>(shape), items, count, stream);
    case Op::fill:
      return launchFill(std::get<MapShape>(shape), std::bit_cast<float>(key.shape[2]), items, count, stream);
    case Op::maxPool:
      return launchMaxPoolForward(std::get<Pooling>(shape), items, count, stream);
    case Op::maxPoolBackward:
      return launchMaxPoolBackward(std::get<Pooling>(shape), items, count, stream);
    case Op::avgPool:
      return launchAvgPoolForward(std::get<Pooling>(shape), items, count, stream);
    case Op::avgPoolBackward:
      return launchAvgPoolBackward(std::get<Pooling>(shape), items, count, stream);
    case Op::globalPool: {
      const MapShape& s = std::get<MapShape>(shape);
      return launchGlobalPoolForward(s.batch * s.channels, s.pixels, items, count, stream);
    }
    case Op::globalPoolBackward: {
      const MapShape& s = std::get<MapShape>(shape);
      return launchGlobalPoolBackward(s.batch * s.channels, s.pixels, items, count, stream);
    }
    case Op::linear:
      return launchLinearForward(std::get<Linear>(shape), items, count, stream);
    case Op::linearBackward:
      return launchLinearBackward(std::get<Linear>(shape), items, count, stream);
    case Op::linearWeights:
      return launchLinearWeights(std::get<Linear>(shape), items, count, stream);
  }
}

}  // namespace eznas::cuda
