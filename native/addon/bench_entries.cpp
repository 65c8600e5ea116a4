#include "native/addon/bench_entries.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "native/addon/arguments.h"
#include "native/addon/job.h"
#include "native/core/bench.h"
#include "native/core/error.h"
#if defined(EZNAS_CUDA_BACKEND)
#include "native/addon/statistics_handle.h"
#include "native/cuda/bench.h"
#endif

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

/// A convolution to time, as NativeConvolution of lib/addon.ts, and a direction.
struct GivenConvolution {
  ConvShape shape;
  int height = 0, width = 0, batch = 0;
  ConvDirection direction{};
};

GivenConvolution readConvolution(Napi::Value value, Napi::Value direction) {
  const Napi::Object given = readObject(value, "convolution");
  GivenConvolution result;
  ConvShape& shape = result.shape;
  shape.inChannels = extentOf(given, "inChannels");
  shape.outChannels = extentOf(given, "outChannels");
  shape.groups = extentOf(given, "groups");
  shape.kernelH = shape.kernelW = extentOf(given, "kernel");
  shape.strideH = shape.strideW = extentOf(given, "stride");
  shape.padH = shape.padW = extentOf(given, "padding", 0);
  shape.dilationH = shape.dilationW = extentOf(given, "dilation");
  result.height = extentOf(given, "height");
  result.width = extentOf(given, "width");
  result.batch = extentOf(given, "batch");
  const int reach = shape.dilationH * (shape.kernelH - 1) + 1;
  if (shape.inChannels % shape.groups != 0 || shape.outChannels % shape.groups != 0) {
    throw Error(code::kInvalidArgument, "groups must divide inChannels and outChannels");
  }
  if (reach > std::min(result.height, result.width) + 2 * shape.padH) {
    throw Error(code::kInvalidArgument, "the dilated kernel must fit the padded input");
  }
  if (1.0 * result.batch * result.height * result.width * std::max(shape.inChannels, shape.outChannels) >
      kMaxElements) {
    throw Error(code::kTooLarge, "a convolution to time may have at most 2^28 elements");
  }
  const uint64_t number = readInteger(direction, "direction");
  if (number > 2) throw Error(code::kInvalidArgument, "direction must be 0, 1 or 2");
  result.direction = static_cast<ConvDirection>(number);
  return result;
}

int readRepeats(Napi::Value value) { return static_cast<int>(std::min(readInteger(value, "repeats"), kMaxRepeats)); }

Napi::Value numbers(Napi::Env env, const std::vector<double>& values) {
  auto array = Napi::Float64Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
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
    const GivenConvolution given = readConvolution(info[0], info[1]);
    const int repeats = readRepeats(info[2]);
    return jobs(info.Env()).start(info.Env(), info.Env().Undefined(), [=](JobControl& control) -> Jobs::Finish {
      const auto& [shape, height, width, batch, direction] = given;
      auto seconds = std::make_shared<std::vector<double>>(
          timeConvolution(shape, batch, height, width, direction, repeats, control));
      const double operations = convolutionOperations(shape, batch, height, width);
      return [seconds, operations](Napi::Env env) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("seconds", numbers(env, *seconds));
        result.Set("operations", operations);
        return result;
      };
    });
  });
}

#if defined(EZNAS_CUDA_BACKEND)

namespace {

Jobs::Finish finishTimes(cuda::DeviceTimes times) {
  auto shared = std::make_shared<cuda::DeviceTimes>(std::move(times));
  return [shared](Napi::Env env) -> Napi::Value {
    Napi::Object result = Napi::Object::New(env);
    result.Set("deviceSeconds", numbers(env, shared->device));
    result.Set("wallSeconds", numbers(env, shared->wall));
    result.Set("items", static_cast<double>(shared->items));
    result.Set("operations", shared->operations);
    result.Set("bytes", shared->bytes);
    return result;
  };
}

}  // namespace

Napi::Value benchDevice(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return jobs(info.Env()).start(info.Env(), info.Env().Undefined(), [](JobControl& control) -> Jobs::Finish {
      const cuda::DevicePeaks peaks = cuda::measureDevice(control);
      return [peaks](Napi::Env env) -> Napi::Value {
        Napi::Object operations = Napi::Object::New(env);
        operations.Set("float32", peaks.float32);
        operations.Set("tf32", peaks.tf32);
        Napi::Object result = Napi::Object::New(env);
        result.Set("name", peaks.name);
        result.Set("bytesPerSecond", peaks.bytesPerSecond);
        result.Set("operationsPerSecond", operations);
        return result;
      };
    });
  });
}

Napi::Value benchDeviceConvolution(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const GivenConvolution given = readConvolution(info[0], info[1]);
    const int repeats = readRepeats(info[2]);
    const Precision precision = readPrecision(info[3]);
    return jobs(info.Env()).start(info.Env(), info.Env().Undefined(), [=](JobControl& control) -> Jobs::Finish {
      const auto& [shape, height, width, batch, direction] = given;
      return finishTimes(
          cuda::timeDeviceConvolution(shape, batch, height, width, direction, precision, repeats, control));
    });
  });
}

Napi::Value benchDeviceNetworks(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto request = std::make_shared<CollectRequest>(readCollectRequest(info[0]));
    std::optional<ProgramWords> words;
    if (!info[1].IsUndefined()) words = readPrograms(info[1]);
    const int repeats = readRepeats(info[2]);
    return jobs(info.Env()).start(info.Env(), info.Env().Undefined(), [=](JobControl& control) -> Jobs::Finish {
      std::optional<Population> population;
      if (words) population.emplace(words->population());
      return finishTimes(
          cuda::timeDeviceNetworks(std::move(*request), population ? &*population : nullptr, repeats, control));
    });
  });
}

Napi::Value benchDevicePopulation(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto recording = readStatistics(info[0]).recording;
    if (std::string_view(recording->backend().name()) != "cuda") {
      throw Error(code::kInvalidArgument, "the statistics lie on the CPU; record them with device 'cuda'");
    }
    const ProgramWords words = readPrograms(info[1]);
    const int repeats = readRepeats(info[2]);
    return jobs(info.Env()).start(info.Env(), info.Env().Undefined(), [=](JobControl& control) -> Jobs::Finish {
      return finishTimes(cuda::timeDevicePopulation(*recording, words.population(), repeats, control));
    });
  });
}

#endif

}  // namespace eznas::addon
