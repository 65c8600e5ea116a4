#include "native/addon/measure_entries.h"

#include <algorithm>
#include <memory>
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
    request->measures = static_cast<uint32_t>(std::min<uint64_t>(readInteger(info[1], "measures"), UINT32_MAX));
    return jobs(info.Env()).start(info.Env(), info[2], [request](JobControl& control) -> Jobs::Finish {
      validate(*request);
      const size_t networks = request->networks.networks.size();
      auto scores = std::make_shared<std::vector<double>>(networks * kMeasureCount);
      parallelFor(networks, request->networks.threads, control, [&](size_t index, int) {
        const std::vector<double> found = measureNetwork(*request, index);
        for (size_t m = 0; m < found.size(); ++m) (*scores)[m * networks + index] = found[m];
      });
      return [scores](Napi::Env env) -> Napi::Value {
        auto array = Napi::Float64Array::New(env, scores->size());
        std::copy(scores->begin(), scores->end(), array.Data());
        return array;
      };
    });
  });
}

}  // namespace eznas::addon
