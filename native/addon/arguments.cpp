#include "native/addon/arguments.h"

#include <cmath>
#include <cstring>

#include "native/core/error.h"

namespace eznas::addon {

namespace {

constexpr double kMaxInteger = 9007199254740992.0;  // 2^53
constexpr int kMaxThreads = 1024;

[[noreturn]] void refuse(const std::string& what, const std::string& expected) {
  throw Error(code::kInvalidArgument, what + " must be " + expected);
}

template <typename Element>
std::vector<Element> readTyped(Napi::Value value, napi_typedarray_type type, const std::string& what,
                               const std::string& expected) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) refuse(what, expected);
  const auto array = value.As<Napi::TypedArrayOf<Element>>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

bool isText(Napi::Value value, const char* text) {
  return value.IsString() && value.As<Napi::String>().Utf8Value() == text;
}

}  // namespace

uint64_t readInteger(Napi::Value value, const char* what) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0 && number < kMaxInteger) || number != std::floor(number)) refuse(what, "an integer in [0, 2^53)");
  return static_cast<uint64_t>(number);
}

int readThreads(Napi::Value value) {
  const uint64_t threads = readInteger(value, "threads");
  if (threads > kMaxThreads) refuse("threads", "at most " + std::to_string(kMaxThreads));
  return static_cast<int>(threads);
}

std::vector<int32_t> readGraphWords(Napi::Value value, const std::string& what) {
  return readTyped<int32_t>(value, napi_int32_array, what, "an Int32Array");
}

std::vector<float> readFloats(Napi::Value value, const std::string& what) {
  return readTyped<float>(value, napi_float32_array, what, "a Float32Array");
}

Napi::Object readObject(Napi::Value value, const std::string& what) {
  if (!value.IsObject()) refuse(what, "an object");
  return value.As<Napi::Object>();
}

Napi::Array readArray(Napi::Value value, const std::string& what) {
  if (!value.IsArray()) refuse(what, "an array");
  return value.As<Napi::Array>();
}

Shape readShape(Napi::Value value, const std::string& what) {
  const Napi::Array dims = readArray(value, what);
  if (dims.Length() < 1 || dims.Length() > 4) refuse(what, "of rank 1 to 4");
  Shape shape;
  shape.rank = static_cast<int>(dims.Length());
  for (uint32_t i = 0; i < dims.Length(); ++i) {
    const uint64_t dim = readInteger(dims.Get(i), what.c_str());
    if (dim < 1 || dim > INT32_MAX) refuse(what, "of dimensions from 1 to 2^31 - 1");
    shape.dims[i] = static_cast<int64_t>(dim);
    if (shape.numel() > (int64_t{1} << 40)) throw Error(code::kTooLarge, what + " has more than 2^40 elements");
  }
  return shape;
}

CollectRequest readCollectRequest(Napi::Value value) {
  const Napi::Object object = readObject(value, "request");
  CollectRequest request;

  const Napi::Array graphs = readArray(object.Get("graphs"), "graphs");
  const std::vector<double> keys = readTyped<double>(object.Get("keys"), napi_float64_array, "keys", "a Float64Array");
  if (keys.size() != graphs.Length()) refuse("keys", "one number per graph");
  const Napi::Value parameters = object.Get("parameters");
  if (parameters.IsArray() && parameters.As<Napi::Array>().Length() != graphs.Length()) {
    refuse("parameters", "one list per graph");
  }
  request.networks.resize(graphs.Length());
  for (uint32_t i = 0; i < graphs.Length(); ++i) {
    const std::string what = "network " + std::to_string(i);
    NetworkRequest& network = request.networks[i];
    const std::vector<int32_t> words = readGraphWords(graphs.Get(i), what + ": graph");
    try {
      network.graph = decodeGraph(words);
    } catch (const Error& error) {
      throw Error(error.code(), what + ": " + error.what());
    }
    if (!(keys[i] >= 0 && keys[i] < kMaxInteger) || keys[i] != std::floor(keys[i])) {
      refuse(what + ": key", "an integer in [0, 2^53)");
    }
    network.key = static_cast<uint64_t>(keys[i]);
    if (!parameters.IsArray()) continue;
    const Napi::Value given = parameters.As<Napi::Array>().Get(i);
    if (given.IsUndefined()) continue;
    const Napi::Array list = readArray(given, what + ": parameters");
    // An empty list means "initialize" to the core, which a caller who gives one cannot mean.
    if (list.Length() == 0 && !network.graph.parameters.empty()) {
      refuse(what + ": parameters",
             "all " + std::to_string(network.graph.parameters.size()) + " of the network's parameters");
    }
    for (uint32_t j = 0; j < list.Length(); ++j) {
      network.parameters.push_back(readFloats(list.Get(j), what + ": parameter " + std::to_string(j)));
    }
  }

  request.minibatch.batch = static_cast<int>(std::min<uint64_t>(readInteger(object.Get("batch"), "batch"), INT32_MAX));
  const Shape shape = readShape(object.Get("inputShape"), "inputShape");
  if (shape.rank != 3) refuse("inputShape", "[channels, height, width]");
  request.minibatch.shape = {static_cast<int>(shape.dims[0]), static_cast<int>(shape.dims[1]),
                             static_cast<int>(shape.dims[2])};
  request.minibatch.data = readFloats(object.Get("data"), "data");
  const auto optional = [&](const char* name) {
    const Napi::Value given = object.Get(name);
    return given.IsUndefined() ? std::vector<float>{} : readFloats(given, name);
  };
  request.minibatch.noise = optional("noise");
  request.minibatch.perturbed = optional("perturbed");
  request.seed = readInteger(object.Get("seed"), "seed");
  const uint64_t tensors = readInteger(object.Get("tensors"), "tensors");
  if (tensors > kAllTensors) refuse("tensors", "a mask of 22 bits");
  request.tensors = static_cast<uint32_t>(tensors);
  request.logits = object.Get("logits").ToBoolean();
  request.threads = readThreads(object.Get("threads"));
  request.precision = readPrecision(object.Get("precision"));
  return request;
}

Precision readPrecision(Napi::Value value) {
  const bool tf32 = isText(value, "tf32");
  if (!tf32 && !value.IsUndefined() && !isText(value, "float32")) refuse("precision", "'float32' or 'tf32'");
  return tf32 ? Precision::tf32 : Precision::float32;
}

std::string readDevice(Napi::Value value) {
  const Napi::Value device = readObject(value, "request").Get("device");
  if (device.IsUndefined()) return "cpu";
  if (!isText(device, "cpu") && !isText(device, "cuda")) refuse("device", "'cpu' or 'cuda'");
  return device.As<Napi::String>();
}

ProgramWords readPrograms(Napi::Value value) {
  const Napi::Object object = readObject(value, "programs");
  ProgramWords programs;
  programs.code = readTyped<uint32_t>(object.Get("code"), napi_uint32_array, "programs.code", "a Uint32Array");
  programs.offsets = readTyped<uint32_t>(object.Get("offsets"), napi_uint32_array, "programs.offsets", "a Uint32Array");
  const Napi::Value share = object.Get("share");
  programs.share = share.IsUndefined() || share.ToBoolean();
  return programs;
}

EvaluateOptions readEvaluateOptions(Napi::Value value) {
  const Napi::Object object = readObject(value, "options");
  EvaluateOptions options;
  options.threads = readThreads(object.Get("threads"));
  options.unitScores = object.Get("unitScores").ToBoolean();
  return options;
}

Napi::Float32Array floatArray(Napi::Env env, const float* data, size_t count) {
  Napi::Float32Array array = Napi::Float32Array::New(env, count);
  if (count > 0) std::memcpy(array.Data(), data, count * sizeof(float));
  return array;
}

}  // namespace eznas::addon
