#!/usr/bin/env bash
# Tests the CUDA backend on the GPUs of this machine: native tests, once alone and once under compute-sanitizer, then the addon's tests. Needs CUDA
# 13's nvcc and compute-sanitizer. A machine without Node runs the native tests alone: build/bin/cuda_*_gpu.
set -euo pipefail
cd "$(dirname "$0")/.."
npx cmake-js build --out build-gpu --parallel "$(nproc)" --CDEZNAS_TESTS=ON --CDEZNAS_CUDA=ON
for program in build-gpu/bin/cuda_*_test_gpu; do "$program"; done
for tool in memcheck racecheck synccheck; do
  for program in build-gpu/bin/cuda_*_test_gpu; do
    # Allocations of just the size that is asked for, so that whatever leaves one is seen.
    EZNAS_GPU_CACHE=0 compute-sanitizer --tool "$tool" --error-exitcode 1 "$program"
  done
done
EZNAS_ADDON="$PWD/build-gpu/Release/eznas.node" \
  npx mocha --timeout 600000 'test/cuda/*.cuda.ts' 'test/engine/**/*.test.ts' 'test/golden/**/*.test.ts'
