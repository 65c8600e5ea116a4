#!/usr/bin/env bash
# Builds the CUDA backend for the host execution shim (test/shim) and runs its native tests: every kernel on the CPU. Needs
# Boost.Context (Debian: libboost-context-dev).
set -euo pipefail
cd "$(dirname "$0")/.."
npx cmake-js configure --out build --CDEZNAS_TESTS=ON --CDEZNAS_CUDA_SHIM=ON
npx cmake-js build --out build --parallel 2 --CDEZNAS_TESTS=ON --CDEZNAS_CUDA_SHIM=ON
for program in build/shim-bin/*_test; do "$program"; done
