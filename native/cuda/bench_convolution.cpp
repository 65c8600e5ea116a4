#include <algorithm>
#include <array>
#include <vector>

#include "kernels/cuda/random.h"
#include "native/cuda/bench_timing.h"
#include "native/cuda/network_builder.h"
#include "native/cuda/network_costs.h"
#include "native/cuda/network_launches.h"

namespace eznas::cuda {
namespace {

/// Maps and weights of all items together: more than caches hold.
constexpr size_t kBytes = size_t{256} << 20;
constexpr size_t kMostItems = 4096;
constexpr size_t kAlignment = 64;  // floats

/// A convolution in one direction as the only step, or steps, of a network.
class ConvolutionProgram {
 public:
  ConvolutionProgram(const ConvShape& shape, int batch, int h, int w, ConvDirection direction)
      : shape_(shape), batch_(batch), h_(h), w_(w) {
    const auto images = static_cast<size_t>(batch);
    const Operand x = buffer(images * static_cast<size_t>(shape.inChannels * h * w));
    const Operand y = buffer(images * static_cast<size_t>(shape.outChannels * shape.outH(h) * shape.outW(w)));
    const Operand weights = buffer(static_cast<size_t>(shape.outChannels * (shape.inChannels / shape.groups)) *
                                   static_cast<size_t>(shape.kernelH * shape.kernelW));
    if (direction == ConvDirection::forward) forward(x, weights, y);
    if (direction == ConvDirection::backwardData) backward(y, weights, x);
    if (direction == ConvDirection::backwardWeights) gradient(x, y, weights);
  }

  const NetworkProgram& program() const { return program_; }
  /// Floats of one item, and where its buffers begin.
  size_t floats() const { return floats_; }
  std::vector<float*> addresses(float* start) const {
    std::vector<float*> result;
    for (const Buffer& buffer : program_.buffers) result.push_back(start + buffer.offset);
    return result;
  }

 private:
  void forward(Operand x, Operand weights, Operand y) {
    if (isDepthwise(shape_)) return step(Op::depthwiseForward, 0, {x, weights, {}, y});
    const Operand packed = buffer(forwardSweep(shape_, batch_, h_, w_, false).sweep.packedFloats());
    pack(Op::packForward, 0, weights, packed);
    step(Op::convForward, 0, {x, packed, {}, y});
  }

  void backward(Operand gy, Operand weights, Operand gx) {
    if (isDepthwise(shape_)) return step(Op::depthwiseBackward, 0, {gy, weights, {}, gx});
    const std::vector<SweepAndPacking> phases = backwardSweeps(shape_, batch_, h_, w_);
    for (size_t phase = 0; phase < phases.size(); ++phase) {
      const size_t floats = phases[phase].sweep.packedFloats();
      const Operand packed = floats > 0 ? buffer(floats) : Operand{};
      if (packed) pack(Op::packBackward, static_cast<int>(phase), weights, packed);
      step(Op::convBackward, static_cast<int>(phase), {gy, packed, {}, gx});
    }
  }

  void gradient(Operand x, Operand gy, Operand weights) {
    if (isDepthwise(shape_)) return step(Op::depthwiseWeights, 0, {x, gy, weights});
    const size_t floats = weightGradient(shape_, batch_, h_, w_, false).partialFloats();
    step(Op::convWeights, 0, {x, gy, floats > 0 ? buffer(floats) : Operand{}, weights});
  }

  Operand buffer(size_t floats) {
    program_.buffers.push_back({.floats = floats, .room = Room::recorded, .offset = floats_});
    floats_ += (floats + kAlignment - 1) / kAlignment * kAlignment;
    return {static_cast<int32_t>(program_.buffers.size()) - 1, 0};
  }
  void pack(Op op, int phase, Operand weights, Operand packed) {
    Step& made = program_.packing.emplace_back();
    made.key = convKey(op, shape_, h_, w_, false, phase);
    made.operands = {weights, packed};
  }
  void step(Op op, int phase, const std::array<Operand, kMostOperands>& operands) {
    Step& made = program_.steps.emplace_back();
    made.key = convKey(op, shape_, h_, w_, false, phase);
    made.operands = operands;
  }

  ConvShape shape_;
  int batch_, h_, w_;
  NetworkProgram program_;
  size_t floats_ = 0;
};

void fillWithNormals(float* numbers, size_t count, Stream& stream) {
  const auto tiles = static_cast<int64_t>((count + kNormalTile - 1) / kNormalTile);
  const NormalItem item{numbers, nullptr, 0, static_cast<int64_t>(count), 0, 0, 1.0f};
  const DeviceBuffer table(stream, sizeof item);
  stream.copyToDevice(table.data(), &item, sizeof item);
  launchNormal(0, table.as<NormalItem>(), 1, tiles, stream.get());
  stream.synchronize();
}

}  // namespace

DeviceTimes timeDeviceConvolution(const ConvShape& shape, int batch, int h, int w, ConvDirection direction,
                                  Precision precision, int repeats, JobControl& control) {
  Device& device = benchDevice();
  Stream stream(device);
  const ConvolutionProgram convolution(shape, batch, h, w, direction);
  const size_t bytes = convolution.floats() * sizeof(float);
  const size_t room = std::min(kBytes, deviceMemoryBudget(device) / 2);
  DeviceTimes times;
  times.items = std::clamp<size_t>(room / bytes, 1, kMostItems);
  for (const Step& step : convolution.program().steps) {
    const StepCost cost = costOf(step, batch);
    times.operations += static_cast<double>(times.items) * cost.flops;
    times.bytes += static_cast<double>(times.items) * cost.bytes;
  }

  const DeviceBuffer numbers(stream, times.items * bytes);
  fillWithNormals(numbers.as<float>(), times.items * convolution.floats(), stream);
  const std::vector<const NetworkProgram*> programs(times.items, &convolution.program());
  std::vector<NetworkAddresses> addresses(times.items);
  for (size_t i = 0; i < times.items; ++i)
    addresses[i].recorded = convolution.addresses(numbers.as<float>() + i * convolution.floats());
  const NetworkLaunches launches(programs, batch, precision == Precision::tf32);
  const DeviceBuffer table(stream, launches.tableBytes());
  std::vector<std::byte> host(launches.tableBytes());
  launches.writeTable(addresses, host.data(), table.as<std::byte>(), 1);
  stream.copyToDevice(table.data(), host.data(), host.size());
  launches.pack(table.as<std::byte>(), stream.get());
  stream.synchronize();
  timeRuns(device, stream, repeats, control, times, [&] { launches.run(table.as<std::byte>(), stream.get()); });
  return times;
}

}  // namespace eznas::cuda
