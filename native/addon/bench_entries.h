#pragma once
#include <napi.h>

namespace eznas::addon {

// Entry points of `eznas bench` (lib/addon.ts).
Napi::Value benchMachine(const Napi::CallbackInfo& info);
Napi::Value benchConvolution(const Napi::CallbackInfo& info);

}  // namespace eznas::addon
