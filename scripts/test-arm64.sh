#!/usr/bin/env bash
# Cross-compiles the addon for arm64 and runs its native tests under emulation: those named, or all. Needs g++-aarch64-linux-gnu and qemu-user.
set -euo pipefail
cd "$(dirname "$0")/.."
npx cmake-js configure --out build-arm64 --CDCMAKE_SYSTEM_NAME=Linux --CDCMAKE_SYSTEM_PROCESSOR=aarch64 \
  --CDCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ --CDCMAKE_EXE_LINKER_FLAGS=-static --CDEZNAS_TESTS=ON --CDEZNAS_CUDA=OFF --CDEZNAS_UNITY=ON
targets=(eznas "$@")
(($#)) || targets=(all)
cmake --build build-arm64 --parallel 2 --target "${targets[@]}"
# With the level named, no program starts itself anew, which the emulator could not follow.
programs=("$@")
((${#programs[@]})) || programs=($(cd build-arm64/bin && ls -- *_test))
for program in "${programs[@]}"; do
  echo "== $program"
  qemu-aarch64 -E EZNAS_SIMD=baseline "build-arm64/bin/$program"
done
