#include "native/addon/job.h"

#include <chrono>
#include <new>
#include <system_error>

namespace eznas::addon {

namespace {

constexpr auto kProgressInterval = std::chrono::milliseconds(50);

/// Runs JavaScript whose failure has nobody to tell: an environment that is being terminated refuses every call.
template <typename Body>
void quietly(const Body& body) {
  try {
    body();
  } catch (const Napi::Error&) {
  }
}

Napi::Error errorWithCode(Napi::Env env, const char* code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

}  // namespace

struct Jobs::Job {
  JobControl control;
  Napi::ThreadSafeFunction toJavaScript;
  std::unique_ptr<Napi::Promise::Deferred> deferred;
  Napi::FunctionReference progress;
  std::thread thread;
  Finish finish;
  std::exception_ptr failure;
  std::atomic<int64_t> lastProgress{0};

  /// Runs before the environment closes the job's thread-safe function (hooks run last in, first out), so that the
  /// thread never calls into one that is gone.
  static void stop(void* data) {
    Job* job = static_cast<Job*>(data);
    job->control.cancelled = true;
    if (job->thread.joinable()) job->thread.join();
  }
};

Jobs::Jobs() = default;
Jobs::~Jobs() = default;

Napi::Error toError(Napi::Env env, const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Napi::Error& error) {
    return Napi::Error(env, error.Value());
  } catch (const Error& error) {
    return errorWithCode(env, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return errorWithCode(env, code::kOutOfMemory, "the system gave no more memory; ask for fewer networks or threads");
  } catch (const std::system_error& error) {
    return errorWithCode(env, code::kOutOfMemory, std::string("the system started no thread: ") + error.what());
  } catch (const std::exception& error) {
    return errorWithCode(env, code::kInvalidArgument, error.what());
  }
}

Napi::Value guarded(Napi::Env env, const std::function<Napi::Value()>& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw toError(env, std::current_exception());
  }
}

Napi::Object Jobs::start(Napi::Env env, Napi::Value progress, std::function<Finish(JobControl&)> work) {
  const uint64_t id = next_++;
  auto owned = std::make_unique<Job>();
  Job* job = owned.get();
  job->deferred = std::make_unique<Napi::Promise::Deferred>(Napi::Promise::Deferred::New(env));
  if (progress.IsFunction()) job->progress = Napi::Persistent(progress.As<Napi::Function>());
  const auto nothing = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  job->toJavaScript = Napi::ThreadSafeFunction::New(env, nothing, "eznas job", 0, 1);

  if (!job->progress.IsEmpty()) {
    job->control.onProgress = [job](size_t done) {
      const int64_t now = std::chrono::steady_clock::now().time_since_epoch() / std::chrono::milliseconds(1);
      int64_t last = job->lastProgress.load();
      if (now - last < kProgressInterval.count() || !job->lastProgress.compare_exchange_strong(last, now)) return;
      job->toJavaScript.NonBlockingCall([job, done](Napi::Env callEnv, Napi::Function) {
        quietly([&] { job->progress.Call({Napi::Number::New(callEnv, static_cast<double>(done))}); });
      });
    };
  }

  Napi::Object handle = Napi::Object::New(env);
  handle.Set("promise", job->deferred->Promise());
  // The job may be gone by the time that somebody cancels it: look it up.
  handle.Set("cancel", Napi::Function::New(env, [this, id](const Napi::CallbackInfo&) {
               const auto found = running_.find(id);
               if (found != running_.end()) found->second->control.cancelled = true;
             }));

  const auto settle = [this, id](Napi::Env callEnv, Napi::Function) {
    const auto found = running_.find(id);
    std::unique_ptr<Job> done = std::move(found->second);
    running_.erase(found);
    napi_remove_env_cleanup_hook(callEnv, Job::stop, done.get());
    done->thread.join();
    done->toJavaScript.Release();
    quietly([&] {
      try {
        if (done->failure) std::rethrow_exception(done->failure);
        done->deferred->Resolve(done->finish(callEnv));
      } catch (...) {
        done->deferred->Reject(toError(callEnv, std::current_exception()).Value());
      }
    });
  };

  running_.emplace(id, std::move(owned));
  try {
    job->thread = std::thread([job, settle, work = std::move(work)] {
      try {
        job->finish = work(job->control);
      } catch (...) {
        job->failure = std::current_exception();
      }
      // Fails only when the environment is closing: its clean-up then owns the job.
      job->toJavaScript.BlockingCall(settle);
    });
    napi_add_env_cleanup_hook(env, Job::stop, job);
  } catch (...) {
    job->toJavaScript.Release();
    running_.erase(id);
    throw toError(env, std::current_exception());
  }
  return handle;
}

}  // namespace eznas::addon
