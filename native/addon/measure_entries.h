#pragma once
#include <napi.h>

namespace eznas::addon {

/// Entry point of measureNetworks (lib/addon.ts).
Napi::Value measure(const Napi::CallbackInfo& info);

}  // namespace eznas::addon
