#!/usr/bin/env bash
# Builds the CUDA backend for the host execution shim (test/shim) and tests it on the CPU: native tests of every kernel, then the addon's own
# tests with the shim's addon, which takes the shim for a GPU. Needs Boost.Context (Debian: libboost-context-dev).
set -euo pipefail
cd "$(dirname "$0")/.."
npx cmake-js configure --out build --CDEZNAS_TESTS=ON --CDEZNAS_CUDA_SHIM=ON
npx cmake-js build --out build --parallel 2 --CDEZNAS_TESTS=ON --CDEZNAS_CUDA_SHIM=ON
for program in build/shim-bin/*_test; do "$program"; done
EZNAS_ADDON="$PWD/build/Release/eznas_shim.node" \
  npx mocha --timeout 600000 'test/cuda/*.cuda.ts' 'test/cuda/*.shim.ts' 'test/engine/run.test.ts' 'test/golden/**/*.test.ts'
