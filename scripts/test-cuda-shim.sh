#!/usr/bin/env bash
# Builds the CUDA backend for the host execution shim (test/shim) and tests it on the CPU: native tests of every kernel, then the addon's own
# tests with the shim's addon, which takes the shim for a GPU. Needs Boost.Context (Debian: libboost-context-dev).
#   --quick   every kernel and program operator, networks of every node kind, and where contenders run; what repeats these at length is left out:
#             injected failures, chunks, limits of memory, whole searches, golden fixtures
set -euo pipefail
cd "$(dirname "$0")/.."
quick=
[ "${1:-}" != --quick ] || quick=--quick
npx cmake-js configure --out build --CDEZNAS_CUDA_SHIM=ON
npx cmake-js build --out build --parallel 2 --target cuda_shim --CDEZNAS_CUDA_SHIM=ON
for program in build/shim-bin/*_test; do "$program" $quick; done
tests=('test/cuda/*.cuda.ts' 'test/cuda/*.shim.ts' 'test/engine/run.test.ts' 'test/golden/**/*.test.ts')
[ -z "$quick" ] || tests=('test/cuda/placement.cuda.ts')
EZNAS_ADDON="$PWD/build/Release/eznas_shim.node" npx mocha --timeout 600000 "${tests[@]}"
