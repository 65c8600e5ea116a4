#include "native/addon/measure_entries.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "native/addon/arguments.h"
#include "native/addon/job.h"
#include "native/core/error.h"
#include "native/core/proxies.h"

namespace eznas::addon {

Napi::Value measure(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto request = std::make_shared<MeasureRequest>();
    request->networks = readCollectRequest(info[0]);
    request->networks.tensors = 0;
    request->networks.logits = true;
    const Napi::Value labels = readObject(info[0], "request").Get("labels");
    if (!labels.IsUndefined()) {
      if (!labels.IsTypedArray() || labels.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
        throw Error(code::kInvalidArgument, "labels must be an Int32Array");
      const auto array = labels.As<Napi::Int32Array>();
      request->labels.assign(array.Data(), array.Data() + array.ElementLength());
    }
    const Napi::Value blocks = readObject(info[0], "request").Get("blocks");
    if (!blocks.IsUndefined()) {
      const Napi::Array lists = readArray(blocks, "blocks");
      for (uint32_t i = 0; i < lists.Length(); ++i) request->blocks.push_back(readGraphWords(lists.Get(i), "blocks"));
    }
    request->measures = static_cast<uint32_t>(std::min<uint64_t>(readInteger(info[1], "measures"), UINT32_MAX));
    return jobs(info.Env()).start(info.Env(), info[2], [request](JobControl& control) -> Jobs::Finish {
      validate(*request);
      const size_t networks = request->networks.networks.size();
      struct Result {
        std::mutex mutex;
        std::vector<double> scores, seconds = std::vector<double>(kMeasureCount, 0.0);
        double total = 0;
      };
      auto result = std::make_shared<Result>();
      result->scores.resize(networks * kMeasureCount);
      parallelFor(networks, request->networks.threads, control, [&](size_t index, int) {
        const Measured found = measureNetwork(*request, index);
        const std::lock_guard lock(result->mutex);
        for (size_t m = 0; m < kMeasureCount; ++m) {
          result->scores[m * networks + index] = found.scores[m];
          result->seconds[m] += found.seconds[m];
        }
        result->total += found.total;
      });
      return [result](Napi::Env env) -> Napi::Value {
        const auto array = [env](const std::vector<double>& values) {
          auto copy = Napi::Float64Array::New(env, values.size());
          std::copy(values.begin(), values.end(), copy.Data());
          return copy;
        };
        Napi::Object object = Napi::Object::New(env);
        object.Set("scores", array(result->scores));
        object.Set("seconds", array(result->seconds));
        object.Set("totalSeconds", result->total);
        return object;
      };
    });
  });
}

}  // namespace eznas::addon
