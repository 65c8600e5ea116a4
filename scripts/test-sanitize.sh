#!/usr/bin/env bash
# Runs the native tests and the tests that meet the addon under AddressSanitizer and UndefinedBehaviorSanitizer.
set -euo pipefail
cd "$(dirname "$0")/.."
npx cmake-js build --out build-sanitize --parallel 2 --CDEZNAS_SANITIZE=ON --CDEZNAS_TESTS=ON --CDEZNAS_CUDA=OFF --CDEZNAS_UNITY=ON
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
for program in build-sanitize/bin/*_test; do "$program"; done
# Node keeps what it allocates until it exits: leaks are looked for in the native tests only.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
EZNAS_ADDON="$PWD/build-sanitize/Release/eznas.node" \
LD_PRELOAD="$(g++ -print-file-name=libasan.so):$(g++ -print-file-name=libubsan.so)" \
  npx mocha --timeout 600000 'test/engine/**/*.test.ts'
