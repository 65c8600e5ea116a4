#!/usr/bin/env bash
# clang-tidy over the core and the addon, with --kernels also the CPU's kernels, by the checks of .clang-tidy; needs a build (compile_commands.json) and Debian's clang-tidy.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files 'native/core/*.cpp' 'native/addon/*.cpp' | xargs -P 2 -n 4 clang-tidy -p build --quiet 2>/dev/null
[ "${1:-}" = --kernels ] || exit 0
# Kernels are compiled once per SIMD level from the same source: the last level is looked at, the one with the most code of its own.
mkdir -p build/lint-kernels
node -e "
  const commands = JSON.parse(require('node:fs').readFileSync('build/compile_commands.json', 'utf8'));
  const levels = new Map(commands.filter(({ file }) => file.includes('/kernels/cpu/')).map((entry) => [entry.file, entry]));
  require('node:fs').writeFileSync('build/lint-kernels/compile_commands.json', JSON.stringify([...levels.values()]));"
git ls-files 'kernels/cpu/*.cpp' | xargs -P 2 -n 3 clang-tidy -p build/lint-kernels --quiet 2>/dev/null
