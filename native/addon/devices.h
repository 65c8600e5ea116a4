#pragma once
#include <napi.h>

#include <string>

#include "native/core/backend.h"

namespace eznas::addon {

/// The backend of a name that lib/addon.ts may give: "cpu" or "cuda". Opening devices takes time: call it off the
/// JavaScript thread. Throws NO_DEVICE where it cannot run, saying why.
Backend& backendNamed(const std::string& name);

/// info().cuda of lib/addon.ts; undefined where the addon was built without.
Napi::Value describeCuda(Napi::Env env);

}  // namespace eznas::addon
