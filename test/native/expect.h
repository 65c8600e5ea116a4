#pragma once
// Expectations of the runtime tests: failures are counted and named, the program goes on.
#include <cstdio>
#include <cstring>
#include <string>

#include "native/core/error.h"

namespace eznas::test {

inline int failures = 0, checks = 0;

inline void expect(bool holds, const std::string& what) {
  ++checks;
  if (!holds && ++failures <= 30) std::printf("FAILED: %s\n", what.c_str());
}

/// Requires body to throw an Error with this code whose message contains every fragment.
template <class Body, class... Fragments>
void expectError(const char* code, Body body, Fragments... fragments) {
  try {
    body();
    std::string wanted;
    ((wanted += std::string(" \"") + fragments + "\""), ...);
    expect(false, std::string("expected ") + code + wanted + ", nothing was thrown");
  } catch (const Error& error) {
    const std::string message = error.what();
    expect(std::strcmp(error.code(), code) == 0,
           std::string("expected ") + code + ", got " + error.code() + ": " + message);
    (expect(message.find(fragments) != std::string::npos,
            "message \"" + message + "\" does not name \"" + fragments + "\""),
     ...);
  }
}

inline int finish(const char* program) {
  std::printf("%s: %d checks, %d failures\n", program, checks, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace eznas::test
