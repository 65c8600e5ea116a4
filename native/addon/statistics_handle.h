#pragma once
#include <napi.h>

#include <memory>

#include "native/core/backend.h"

namespace eznas::addon {

/// What JavaScript holds of collected statistics. Jobs that read them share ownership, so that releasing the handle
/// during an evaluation is safe.
struct StatisticsHandle {
  std::shared_ptr<const Recording> recording;  // empty once disposed
  int64_t bytes = 0;
};

Napi::Value wrapStatistics(Napi::Env env, std::shared_ptr<const Recording> recording);
/// Throws Error(INVALID_ARGUMENT) for anything but a live handle.
const StatisticsHandle& readStatistics(Napi::Value value);

// Entry points (lib/addon.ts).
Napi::Value statisticsFromTensors(const Napi::CallbackInfo& info);
Napi::Value statisticsShapes(const Napi::CallbackInfo& info);
Napi::Value statisticsBytes(const Napi::CallbackInfo& info);
Napi::Value statisticsDevice(const Napi::CallbackInfo& info);
Napi::Value statisticsTensor(const Napi::CallbackInfo& info);
Napi::Value statisticsLogits(const Napi::CallbackInfo& info);
Napi::Value disposeStatistics(const Napi::CallbackInfo& info);

}  // namespace eznas::addon
