#include "native/addon/bench_entries.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "native/addon/arguments.h"
#include "native/addon/job.h"
#include "native/core/bench.h"
#include "native/core/error.h"

namespace eznas::addon {

namespace {

constexpr uint64_t kMaxExtent = 4096;
constexpr uint64_t kMaxRepeats = 1'000'000;
constexpr double kMaxElements = 1 << 28;

int extentOf(const Napi::Object& object, const char* field, uint64_t least = 1) {
  const uint64_t value = readInteger(object.Get(field), field);
  if (value < least || value > kMaxExtent) {
    throw Error(code::kInvalidArgument, std::string(field) + " must be from " + std::to_string(least) + " to 4096");
  }
  return static_cast<int>(value);
}

}  // namespace

Napi::Value benchMachine(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const int threads = std::max(1, readThreads(info[0]));
    return jobs(info.Env()).start(info.Env(), info.Env().Undefined(), [threads](JobControl& control) -> Jobs::Finish {
      const double operations = measurePeak(threads, control), bytes = measureBandwidth(threads, control);
      return [operations, bytes](Napi::Env env) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("operationsPerSecond", operations);
        result.Set("bytesPerSecond", bytes);
        return result;
      };
    });
  });
}

Napi::Value benchConvolution(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Object given = readObject(info[0], "convolution");
    ConvShape shape;
    shape.inChannels = extentOf(given, "inChannels");
    shape.outChannels = extentOf(given, "outChannels");
    shape.groups = extentOf(given, "groups");
    shape.kernelH = shape.kernelW = extentOf(given, "kernel");
    shape.strideH = shape.strideW = extentOf(given, "stride");
    shape.padH = shape.padW = extentOf(given, "padding", 0);
    shape.dilationH = shape.dilationW = extentOf(given, "dilation");
    const int height = extentOf(given, "height"), width = extentOf(given, "width"), batch = extentOf(given, "batch");
    const int reach = shape.dilationH * (shape.kernelH - 1) + 1;
    if (shape.inChannels % shape.groups != 0 || shape.outChannels % shape.groups != 0) {
      throw Error(code::kInvalidArgument, "groups must divide inChannels and outChannels");
    }
    if (reach > std::min(height, width) + 2 * shape.padH) {
      throw Error(code::kInvalidArgument, "the dilated kernel must fit the padded input");
    }
    if (1.0 * batch * height * width * std::max(shape.inChannels, shape.outChannels) > kMaxElements) {
      throw Error(code::kTooLarge, "a convolution to time may have at most 2^28 elements");
    }
    const uint64_t direction = readInteger(info[1], "direction");
    if (direction > 2) throw Error(code::kInvalidArgument, "direction must be 0, 1 or 2");
    const auto repeats = static_cast<int>(std::min(readInteger(info[2], "repeats"), kMaxRepeats));
    return jobs(info.Env()).start(info.Env(), info.Env().Undefined(), [=](JobControl& control) -> Jobs::Finish {
      auto seconds = std::make_shared<std::vector<double>>(
          timeConvolution(shape, batch, height, width, static_cast<ConvDirection>(direction), repeats, control));
      const double operations = convolutionOperations(shape, batch, height, width);
      return [seconds, operations](Napi::Env env) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        auto array = Napi::Float64Array::New(env, seconds->size());
        std::copy(seconds->begin(), seconds->end(), array.Data());
        result.Set("seconds", array);
        result.Set("operations", operations);
        return result;
      };
    });
  });
}

}  // namespace eznas::addon
