#pragma once
#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "native/core/error.h"
#include "native/core/thread_pool.h"

namespace eznas::addon {

/// Jobs under way in one JavaScript environment. When the environment goes (process exit, worker terminated) they are
/// cancelled and joined, so that no native thread outlives what it would report to.
class Jobs {
 public:
  Jobs();
  ~Jobs();
  /// Starts `work` on a thread of its own and returns { promise, cancel }. `work` returns the function that, back on
  /// the JavaScript thread, makes the result. progress may be empty.
  using Finish = std::function<Napi::Value(Napi::Env)>;
  Napi::Object start(Napi::Env env, Napi::Value progress, std::function<Finish(JobControl&)> work);

 private:
  struct Job;
  std::unordered_map<uint64_t, std::unique_ptr<Job>> running_;  // touched on the JavaScript thread only
  uint64_t next_ = 0;
};

/// The jobs of the environment that calls.
inline Jobs& jobs(Napi::Env env) { return *env.GetInstanceData<Jobs>(); }

/// Runs a synchronous entry point, turning core errors into JavaScript errors with a `code`.
Napi::Value guarded(Napi::Env env, const std::function<Napi::Value()>& body);

/// The JavaScript error of an exception caught as std::exception_ptr.
Napi::Error toError(Napi::Env env, const std::exception_ptr& failure);

}  // namespace eznas::addon
