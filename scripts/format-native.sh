#!/usr/bin/env bash
# clang-format over all C++ and CUDA sources: -i to format, --dry-run -Werror to check.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files '*.cpp' '*.h' '*.cu' '*.cuh' | xargs npx clang-format "$@"
