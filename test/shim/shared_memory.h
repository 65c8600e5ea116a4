#pragma once
// Shared memory of blocks, poisoned before each block so that a read of what was not written shows.
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace eznas::shim {

/// Every byte of memory that nothing has been written to: a float32 or float64 of it is NaN, an int −1.
inline constexpr unsigned char kPoison = 0xff;

/// Dynamic shared memory: ends at memory that cannot be touched, and starts after bytes that are watched.
class DynamicShared {
 public:
  ~DynamicShared();
  void prepare(size_t bytes);
  char* data() const { return data_; }
  bool startIsWhole() const;

 private:
  char* region_ = nullptr;
  char* data_ = nullptr;
};

/// Static shared memory. Device code's `__shared__` arrays are thread-local variables of the module that holds the
/// kernel, so their module's thread-local storage is poisoned. Modules with kernels must have no other thread-local
/// variables. That storage holds the arrays of all kernels: which parts a kernel touches is learnt from its blocks.
class StaticShared {
 public:
  void begin(const void* kernel);
  void beforeBlock();
  void afterBlock();
  void end();

 private:
  struct Range {
    size_t begin, end;
  };
  struct Kernel {
    size_t module = 0, bytes = 0;
    unsigned launches = 0;
    std::vector<Range> touched;
  };
  void learn();

  std::map<const void*, Kernel> kernels_;
  Kernel* kernel_ = nullptr;
  char* storage_ = nullptr;
  bool learning_ = false, fresh_ = false;
};

}  // namespace eznas::shim
