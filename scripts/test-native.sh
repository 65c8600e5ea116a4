#!/usr/bin/env bash
# Builds and runs the native test programs (test/native/*_test.cpp).
set -euo pipefail
cd "$(dirname "$0")/.."
npx cmake-js configure --out build --CDEZNAS_TESTS=ON
npx cmake-js build --out build --parallel 2 --CDEZNAS_TESTS=ON
for program in build/bin/*_test; do "$program"; done
