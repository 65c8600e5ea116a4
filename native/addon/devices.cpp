#include "native/addon/devices.h"

#include "native/core/error.h"
#if defined(EZNAS_CUDA_BACKEND)
#include "native/cuda/backend.h"
#include "native/cuda/device.h"
#include "native/cuda/memory_store.h"
#endif

namespace eznas::addon {

#if defined(EZNAS_CUDA_BACKEND)

Backend& backendNamed(const std::string& name) { return name == "cuda" ? cuda::cudaBackend() : cpuBackend(); }

Napi::Value describeCuda(Napi::Env env) {
  const cuda::Inventory there = cuda::inventory();
  const auto version = [&](int number) {
    return Napi::String::New(env, std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10));
  };
  Napi::Object result = Napi::Object::New(env);
  result.Set("driver", there.driver == 0 ? env.Null() : version(there.driver).As<Napi::Value>());
  result.Set("runtime", version(there.runtime));
  Napi::Array devices = Napi::Array::New(env);
  for (size_t i = 0; i < there.devices.size(); ++i) {
    const cuda::DeviceProperties& found = there.devices[i];
    Napi::Object device = Napi::Object::New(env);
    device.Set("name", found.name);
    device.Set("computeCapability", std::to_string(found.major) + "." + std::to_string(found.minor));
    device.Set("memory", static_cast<double>(found.memory));
    device.Set("inUse", static_cast<double>(cuda::memoryStore(static_cast<int>(i)).inUse()));
    device.Set("usable", found.major >= cuda::kLeastMajor);
    devices.Set(devices.Length(), device);
  }
  result.Set("devices", devices);
  try {
    cuda::usableDevices();
  } catch (const Error& error) {
    result.Set("error", error.what());
  }
  return result;
}

#else

Backend& backendNamed(const std::string& name) {
  if (name == "cuda") throw Error(code::kNoDevice, "this build of eznas has no CUDA backend");
  return cpuBackend();
}

Napi::Value describeCuda(Napi::Env env) { return env.Undefined(); }

#endif

}  // namespace eznas::addon
