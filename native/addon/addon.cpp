// Entry points of the addon: read arguments, start the core on a thread, wrap results. See lib/addon.ts for the types.
#include <napi.h>

#include <cstring>
#include <memory>
#include <string>

#include "native/addon/arguments.h"
#include "native/addon/bench_entries.h"
#include "native/addon/devices.h"
#include "native/addon/job.h"
#include "native/addon/measure_entries.h"
#include "native/addon/statistics_handle.h"
#include "native/core/collect.h"
#include "native/core/error.h"
#include "native/core/memory.h"
#include "native/core/programs.h"
#include "native/core/simd.h"

namespace eznas::addon {

namespace {

template <typename Element>
Napi::TypedArrayOf<Element> typedArray(Napi::Env env, const std::vector<Element>& values) {
  auto array = Napi::TypedArrayOf<Element>::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(Element));
  return array;
}

Napi::Value scoresObject(Napi::Env env, const ScoreMatrix& matrix) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("programs", Napi::Number::New(env, static_cast<double>(matrix.programs)));
  result.Set("networks", Napi::Number::New(env, static_cast<double>(matrix.networks)));
  result.Set("scores", typedArray(env, matrix.scores));
  Napi::Uint8Array status = Napi::Uint8Array::New(env, matrix.status.size());
  for (size_t i = 0; i < matrix.status.size(); ++i) status[i] = static_cast<uint8_t>(matrix.status[i]);
  result.Set("status", status);
  if (!matrix.unitOffsets.empty()) {
    result.Set("unitOffsets", typedArray(env, matrix.unitOffsets));
    result.Set("unitScores", typedArray(env, matrix.unitScores));
  }
  return result;
}

Jobs::Finish finishScores(ScoreMatrix matrix) {
  auto shared = std::make_shared<ScoreMatrix>(std::move(matrix));
  return [shared](Napi::Env env) { return scoresObject(env, *shared); };
}

Napi::Value collect(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto request = std::make_shared<CollectRequest>(readCollectRequest(info[0]));
    const std::string device = readDevice(info[0]);
    return jobs(info.Env()).start(info.Env(), info[1], [request, device](JobControl& control) -> Jobs::Finish {
      const auto recording = backendNamed(device).record(*request, control);
      return [recording](Napi::Env env) { return wrapStatistics(env, recording); };
    });
  });
}

Napi::Value evaluateStatistics(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto recording = readStatistics(info[0]).recording;
    const ProgramWords words = readPrograms(info[1]);
    const EvaluateOptions options = readEvaluateOptions(info[2]);
    return jobs(info.Env())
        .start(info.Env(), info[3], [recording, words, options](JobControl& control) -> Jobs::Finish {
          return finishScores(recording->backend().evaluate(*recording, words.population(), options, control));
        });
  });
}

Napi::Value score(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto request = std::make_shared<CollectRequest>(readCollectRequest(info[0]));
    const ProgramWords words = readPrograms(info[1]);
    const EvaluateOptions options = readEvaluateOptions(info[2]);
    const std::string device = readDevice(info[0]);
    return jobs(info.Env())
        .start(info.Env(), info[3], [request, words, options, device](JobControl& control) -> Jobs::Finish {
          return finishScores(backendNamed(device).score(std::move(*request), words.population(), options, control));
        });
  });
}

Napi::Value networkGradients(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto request = std::make_shared<CollectRequest>(readCollectRequest(info[0]));
    if (request->networks.size() != 1) throw Error(code::kInvalidArgument, "gradients takes exactly one network");
    const std::string device = readDevice(info[0]);
    return jobs(info.Env()).start(info.Env(), info.Env().Undefined(), [request, device](JobControl&) -> Jobs::Finish {
      auto result = std::make_shared<Gradients>(backendNamed(device).gradients(*request));
      return [result](Napi::Env env) -> Napi::Value {
        Napi::Object object = Napi::Object::New(env);
        object.Set("logits", floatArray(env, result->logits.data(), result->logits.size()));
        object.Set("input", floatArray(env, result->input.data(), result->input.size()));
        Napi::Array parameters = Napi::Array::New(env, result->parameters.size());
        for (uint32_t i = 0; i < result->parameters.size(); ++i) {
          parameters.Set(i, floatArray(env, result->parameters[i].data(), result->parameters[i].size()));
        }
        object.Set("parameters", parameters);
        return object;
      };
    });
  });
}

Napi::Value parametersOf(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Graph graph = decodeGraph(readGraphWords(info[0], "graph"));
    const auto parameters = initialParameters(graph, readInteger(info[1], "seed"), readInteger(info[2], "key"));
    Napi::Array result = Napi::Array::New(info.Env(), parameters.size());
    for (uint32_t i = 0; i < parameters.size(); ++i) {
      result.Set(i, floatArray(info.Env(), parameters[i].data(), parameters[i].size()));
    }
    return result;
  });
}

Napi::Value describe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    Napi::Object simd = Napi::Object::New(env);
    simd.Set("level", name(simdLevel()));
    Napi::Array supported = Napi::Array::New(env);
    for (const SimdLevel level : supportedSimdLevels()) supported.Set(supported.Length(), name(level));
    simd.Set("supported", supported);
    Napi::Object memory = Napi::Object::New(env);
    memory.Set("limit", static_cast<double>(memoryLimit()));
    memory.Set("inUse", static_cast<double>(memoryInUse()));
    Napi::Object result = Napi::Object::New(env);
    result.Set("simd", simd);
    result.Set("threads", availableThreads());
    result.Set("memory", memory);
    result.Set("compiler", "GCC " __VERSION__);
    const Napi::Value cuda = describeCuda(env);
    if (!cuda.IsUndefined()) result.Set("cuda", cuda);
    return result;
  });
}

Napi::Value limitMemory(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    setMemoryLimit(readInteger(info[0], "bytes"));
    return info.Env().Undefined();
  });
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Jobs());
  const auto add = [&](const char* key, Napi::Value (*entry)(const Napi::CallbackInfo&)) {
    exports.Set(key, Napi::Function::New(env, entry, key));
  };
  add("info", describe);
  add("setMemoryLimit", limitMemory);
  add("collect", collect);
  add("evaluate", evaluateStatistics);
  add("score", score);
  add("gradients", networkGradients);
  add("measure", measure);
  add("initialParameters", parametersOf);
  add("statisticsFromTensors", statisticsFromTensors);
  add("statisticsShapes", statisticsShapes);
  add("statisticsBytes", statisticsBytes);
  add("statisticsDevice", statisticsDevice);
  add("statisticsTensor", statisticsTensor);
  add("statisticsLogits", statisticsLogits);
  add("disposeStatistics", disposeStatistics);
  add("benchMachine", benchMachine);
  add("benchConvolution", benchConvolution);
#if defined(EZNAS_CUDA_BACKEND)
  add("benchDevice", benchDevice);
  add("benchDeviceConvolution", benchDeviceConvolution);
  add("benchDeviceNetworks", benchDeviceNetworks);
  add("benchDevicePopulation", benchDevicePopulation);
#endif
  return exports;
}

}  // namespace

}  // namespace eznas::addon

static Napi::Object initializeAddon(Napi::Env env, Napi::Object exports) {
  return eznas::addon::initialize(env, exports);
}

NODE_API_MODULE(eznas, initializeAddon)
