#pragma once
#include "native/core/backend.h"

namespace eznas::cuda {

/// All devices of this process that eznas can use. Throws NO_DEVICE saying why where there are none.
Backend& cudaBackend();

}  // namespace eznas::cuda
