#pragma once
#include <napi.h>

#include <string>
#include <vector>

#include "native/core/collect.h"
#include "native/core/programs.h"

namespace eznas::addon {

/// Readers of JavaScript arguments. Each copies what it reads (JavaScript may change or detach the arrays while a job
/// runs) and throws Error(INVALID_ARGUMENT) naming the field.
CollectRequest readCollectRequest(Napi::Value value);

/// Program code as given; decoded to a Population where it is used, off the JavaScript thread.
struct ProgramWords {
  std::vector<uint32_t> code, offsets;
  bool share = true;
  Population population() const { return Population(code, offsets, share); }
};
ProgramWords readPrograms(Napi::Value value);
EvaluateOptions readEvaluateOptions(Napi::Value value);

/// "float32", also where it is left out, or "tf32".
Precision readPrecision(Napi::Value value);

/// "cpu" or "cuda": the field `device` of an object.
std::string readDevice(Napi::Value value);

/// A whole number in [0, 2^53).
uint64_t readInteger(Napi::Value value, const char* what);
int readThreads(Napi::Value value);
std::vector<int32_t> readGraphWords(Napi::Value value, const std::string& what);
std::vector<float> readFloats(Napi::Value value, const std::string& what);
Napi::Object readObject(Napi::Value value, const std::string& what);
Napi::Array readArray(Napi::Value value, const std::string& what);
/// Shape of rank 1 to 4 with positive dimensions.
Shape readShape(Napi::Value value, const std::string& what);

Napi::Float32Array floatArray(Napi::Env env, const float* data, size_t count);

}  // namespace eznas::addon
