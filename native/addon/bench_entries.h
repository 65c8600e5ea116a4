#pragma once
#include <napi.h>

namespace eznas::addon {

// Entry points of `eznas bench` (lib/addon.ts).
Napi::Value benchMachine(const Napi::CallbackInfo& info);
Napi::Value benchConvolution(const Napi::CallbackInfo& info);
#if defined(EZNAS_CUDA_BACKEND)
Napi::Value benchDevice(const Napi::CallbackInfo& info);
Napi::Value benchDeviceConvolution(const Napi::CallbackInfo& info);
Napi::Value benchDeviceNetworks(const Napi::CallbackInfo& info);
Napi::Value benchDevicePopulation(const Napi::CallbackInfo& info);
#endif

}  // namespace eznas::addon
