#pragma once
#include <stdexcept>
#include <string>

namespace eznas {

/// Every failure the core reports. `code` becomes `EznasError.code` in TypeScript; the message names the offending
/// input and what would be right.
class Error : public std::runtime_error {
 public:
  Error(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const { return code_; }

 private:
  const char* code_;
};

/// Codes shared with lib/errors.ts.
namespace code {
inline constexpr const char* kInvalidArgument = "INVALID_ARGUMENT";
inline constexpr const char* kInvalidGraph = "INVALID_GRAPH";
inline constexpr const char* kInvalidProgram = "INVALID_PROGRAM";
inline constexpr const char* kTooLarge = "TOO_LARGE";
inline constexpr const char* kOutOfMemory = "OUT_OF_MEMORY";
inline constexpr const char* kAborted = "ABORTED";
inline constexpr const char* kNoDevice = "NO_DEVICE";
inline constexpr const char* kCudaError = "CUDA_ERROR";
}  // namespace code

}  // namespace eznas
