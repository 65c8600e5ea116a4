#!/usr/bin/env bash
# clang-tidy over the core and the addon, with --kernels also the CPU's kernels, by the checks of .clang-tidy; needs Debian's clang-tidy.
set -euo pipefail
cd "$(dirname "$0")/.."
# How each file is compiled by itself: another build may take several at a time.
EZNAS_UNITY=OFF npx cmake-js configure --out build-lint >/dev/null
git ls-files 'native/core/*.cpp' 'native/addon/*.cpp' | xargs -P 2 -n 4 clang-tidy -p build-lint --quiet 2>/dev/null
[ "${1:-}" = --kernels ] || exit 0
# Kernels are compiled once per SIMD level from the same source: the last level is looked at, the one with the most code of its own.
mkdir -p build-lint/kernels
node -e "
  const commands = JSON.parse(require('node:fs').readFileSync('build-lint/compile_commands.json', 'utf8'));
  const levels = new Map(commands.filter(({ file }) => file.includes('/kernels/cpu/')).map((entry) => [entry.file, entry]));
  require('node:fs').writeFileSync('build-lint/kernels/compile_commands.json', JSON.stringify([...levels.values()]));"
git ls-files 'kernels/cpu/*.cpp' | xargs -P 2 -n 3 clang-tidy -p build-lint/kernels --quiet 2>/dev/null
