#pragma once
// Where networks and programs run: one interface for the CPU and for GPUs.
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "native/core/collect.h"
#include "native/core/programs.h"
#include "native/core/statistics.h"
#include "native/core/thread_pool.h"

namespace eznas {

class Backend;

/// Recorded tensors of several networks, where their backend keeps them. Handles and jobs share it; the last one frees.
class Recording {
 public:
  virtual ~Recording() = default;
  /// The one that made it and evaluates programs on it.
  virtual Backend& backend() const = 0;
  virtual size_t networks() const = 0;
  virtual size_t units(size_t network) const = 0;
  virtual const UnitShapes& shapes(size_t network, size_t unit) const = 0;
  /// Held by tensors, in the memory of the machine or of devices.
  virtual size_t bytes() const = 0;
  /// A copy, row-major; nothing where it was not recorded. Waits for the device.
  virtual std::optional<std::vector<float>> tensor(size_t network, size_t unit, int tensor) const = 0;
  /// Of pass 0 (D), 1 (N) or 2 (P), batch × classes; empty where not kept.
  virtual const std::vector<float>& logits(size_t network, size_t pass) const = 0;
};

/// What every device does. All calls may be made from any thread, several at once; they block until done, report
/// networks as they finish, and throw Error(ABORTED) soon after the control is cancelled. Requests are validated here.
class Backend {
 public:
  virtual ~Backend() = default;
  /// As in lib/engine/device.ts.
  virtual const char* name() const = 0;
  /// Runs the networks and records request.tensors of each.
  virtual std::shared_ptr<const Recording> record(const CollectRequest& request, JobControl& control) = 0;
  /// Tensors from elsewhere, taken to where programs are evaluated.
  virtual std::shared_ptr<const Recording> adopt(std::vector<NetworkStatistics> networks) = 0;
  /// Every program on every unit of a recording of this backend, as evaluate() of native/core/programs.h.
  virtual ScoreMatrix evaluate(const Recording& recording, const Population& population, const EvaluateOptions& options,
                               JobControl& control) = 0;
  /// Both in one, chunk by chunk, keeping no tensors, as scoreNetworks(). Records what the programs read.
  virtual ScoreMatrix score(CollectRequest request, const Population& population, const EvaluateOptions& options,
                            JobControl& control) = 0;
  /// Gradients of the sum of the logits of the request's one network.
  virtual Gradients gradients(const CollectRequest& request) = 0;
};

/// The machine itself; always there.
Backend& cpuBackend();

}  // namespace eznas
