#!/usr/bin/env bash
# Cross-compiles the core for arm64 and runs its native tests under emulation. Needs g++-aarch64-linux-gnu and qemu-user.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake -S . -B build-arm64 -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static -DEZNAS_TESTS=ON
cmake --build build-arm64 --parallel 2
# With the level named, no program starts itself anew, which the emulator could not follow.
for program in build-arm64/bin/*_test; do
  echo "== $program"
  qemu-aarch64 -E EZNAS_SIMD=baseline "$program"
done
