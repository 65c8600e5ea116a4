#include "native/addon/statistics_handle.h"

#include <cstring>

#include "native/addon/arguments.h"
#include "native/addon/devices.h"
#include "native/addon/job.h"
#include "native/core/error.h"

namespace eznas::addon {

namespace {

constexpr napi_type_tag kTag = {0x65a7a5c0ffee0001, 0x53746174697374ee};

StatisticsHandle* unwrap(Napi::Value value) {
  if (!value.IsExternal()) return nullptr;
  const auto external = value.As<Napi::External<StatisticsHandle>>();
  return external.CheckTypeTag(&kTag) ? external.Data() : nullptr;
}

size_t readIndex(Napi::Value value, const char* what, size_t count) {
  const uint64_t index = readInteger(value, what);
  if (index >= count) {
    throw Error(code::kInvalidArgument,
                std::string(what) + " " + std::to_string(index) + " is not in [0, " + std::to_string(count) + ")");
  }
  return index;
}

Napi::Array shapeArray(Napi::Env env, const Shape& shape) {
  Napi::Array dims = Napi::Array::New(env, shape.rank);
  for (int i = 0; i < shape.rank; ++i) dims.Set(i, Napi::Number::New(env, static_cast<double>(shape.dims[i])));
  return dims;
}

UnitStatistics readGivenUnit(const Napi::Object& given, const std::string& what, std::vector<Buffer>& storage) {
  UnitStatistics unit;
  unit.shapes = {readShape(given.Get("before"), what + ".before"), readShape(given.Get("weight"), what + ".weight"),
                 readShape(given.Get("after"), what + ".after")};
  if (const Napi::Value activation = given.Get("activation"); !activation.IsUndefined())
    unit.shapes.activation = readShape(activation, what + ".activation");
  const Napi::Array tensors = readArray(given.Get("tensors"), what + ".tensors");
  for (int tensor = 0; tensor < kTensorCount; ++tensor) {
    const Napi::Value value = tensors.Get(tensor);
    if (value.IsUndefined()) continue;
    const std::string name = what + ", tensor " + std::to_string(tensor);
    const std::vector<float> floats = readFloats(value, name);
    const auto expected = static_cast<size_t>(unit.shapes.of(tensor).numel());
    if (floats.size() != expected) {
      throw Error(code::kInvalidArgument, name + " has " + std::to_string(floats.size()) + " elements; its shape has " +
                                              std::to_string(expected));
    }
    Buffer buffer(floats.size());
    std::memcpy(buffer.data(), floats.data(), floats.size() * sizeof(float));
    unit.tensors[tensor] = buffer.data();
    storage.push_back(std::move(buffer));
  }
  return unit;
}

}  // namespace

Napi::Value wrapStatistics(Napi::Env env, std::shared_ptr<const Recording> recording) {
  auto handle = std::make_unique<StatisticsHandle>();
  handle->bytes = static_cast<int64_t>(recording->bytes());
  handle->recording = std::move(recording);
  // The collector must know what a forgotten handle costs.
  Napi::MemoryManagement::AdjustExternalMemory(env, handle->bytes);
  auto external = Napi::External<StatisticsHandle>::New(env, handle.release(), [](Napi::Env e, StatisticsHandle* data) {
    if (data->recording) Napi::MemoryManagement::AdjustExternalMemory(e, -data->bytes);
    delete data;
  });
  external.TypeTag(&kTag);
  return external;
}

const StatisticsHandle& readStatistics(Napi::Value value) {
  const StatisticsHandle* handle = unwrap(value);
  if (handle == nullptr) throw Error(code::kInvalidArgument, "statistics must be a handle that collect gave");
  if (!handle->recording) throw Error(code::kInvalidArgument, "these statistics were disposed; collect them again");
  return *handle;
}

Napi::Value statisticsFromTensors(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&] {
    const Napi::Array given = readArray(info[0], "networks");
    std::vector<NetworkStatistics> networks(given.Length());
    for (uint32_t n = 0; n < given.Length(); ++n) {
      const std::string what = "network " + std::to_string(n);
      const Napi::Array units = readArray(given.Get(n), what);
      for (uint32_t u = 0; u < units.Length(); ++u) {
        const std::string unitName = what + ", unit " + std::to_string(u);
        networks[n].units.push_back(readGivenUnit(readObject(units.Get(u), unitName), unitName, networks[n].storage));
      }
    }
    return wrapStatistics(env, backendNamed(readDevice(info[1])).adopt(std::move(networks)));
  });
}

Napi::Value statisticsShapes(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    const Recording& recording = *readStatistics(info[0]).recording;
    Napi::Array result = Napi::Array::New(env, recording.networks());
    for (uint32_t n = 0; n < recording.networks(); ++n) {
      Napi::Array units = Napi::Array::New(env, recording.units(n));
      for (uint32_t u = 0; u < recording.units(n); ++u) {
        const UnitShapes& shapes = recording.shapes(n, u);
        Napi::Object unit = Napi::Object::New(env);
        if (shapes.activation) unit.Set("activation", shapeArray(env, *shapes.activation));
        unit.Set("before", shapeArray(env, shapes.before));
        unit.Set("weight", shapeArray(env, shapes.weight));
        unit.Set("after", shapeArray(env, shapes.after));
        units.Set(u, unit);
      }
      result.Set(n, units);
    }
    return result;
  });
}

Napi::Value statisticsBytes(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return Napi::Number::New(info.Env(), static_cast<double>(readStatistics(info[0]).bytes));
  });
}

Napi::Value statisticsDevice(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return Napi::String::New(info.Env(), readStatistics(info[0]).recording->backend().name());
  });
}

Napi::Value statisticsTensor(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    const Recording& recording = *readStatistics(info[0]).recording;
    const size_t network = readIndex(info[1], "network", recording.networks());
    const size_t unit = readIndex(info[2], "unit", recording.units(network));
    const auto copy = recording.tensor(network, unit, static_cast<int>(readIndex(info[3], "tensor", kTensorCount)));
    return copy ? floatArray(env, copy->data(), copy->size()) : env.Undefined();
  });
}

Napi::Value statisticsLogits(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    const Recording& recording = *readStatistics(info[0]).recording;
    const size_t network = readIndex(info[1], "network", recording.networks());
    const std::vector<float>& logits = recording.logits(network, readIndex(info[2], "pass", 3));
    if (logits.empty()) return env.Undefined();
    return floatArray(env, logits.data(), logits.size());
  });
}

Napi::Value disposeStatistics(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    StatisticsHandle* handle = unwrap(info[0]);
    if (handle == nullptr) throw Error(code::kInvalidArgument, "statistics must be a handle that collect gave");
    if (handle->recording) {
      handle->recording.reset();
      Napi::MemoryManagement::AdjustExternalMemory(info.Env(), -handle->bytes);
    }
    return info.Env().Undefined();
  });
}

}  // namespace eznas::addon
