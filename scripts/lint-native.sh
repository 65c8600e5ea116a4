#!/usr/bin/env bash
# clang-tidy over the core and the addon, by the checks of .clang-tidy; needs a build (compile_commands.json) and Debian's clang-tidy.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files 'native/*.cpp' | xargs -P 2 -n 4 clang-tidy -p build --quiet 2>/dev/null
