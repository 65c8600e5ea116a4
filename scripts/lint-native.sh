#!/usr/bin/env bash
# clang-tidy by the checks of .clang-tidy over the core and the addon, with --kernels also over the CPU's kernels; or with --cuda over native/cuda alone,
# against the headers of the shim, so that no CUDA is needed. Needs Debian's clang-tidy.
set -euo pipefail
cd "$(dirname "$0")/.."
# How each file is compiled by itself: another build may take several at a time.
EZNAS_UNITY=OFF npx cmake-js configure --out build-lint >/dev/null
if [ "${1:-}" = --cuda ]; then
  # As the core is compiled, but with the shim's headers.
  mkdir -p build-lint/cuda
  git ls-files 'native/cuda/*.cpp' | node -e "
    const { readFileSync, writeFileSync } = require('node:fs');
    const core = JSON.parse(readFileSync('build-lint/compile_commands.json', 'utf8')).find(({ file }) => file.endsWith('/native/core/graph.cpp'));
    const shim = ' -DEZNAS_SHIM -DEZNAS_CUDA_BACKEND -I' + process.cwd() + '/test/shim';
    const entries = readFileSync(0, 'utf8').trim().split('\n').map((source) => {
      const file = process.cwd() + '/' + source;
      return { directory: core.directory, file, command: core.command.replaceAll(core.file, file) + shim };
    });
    writeFileSync('build-lint/cuda/compile_commands.json', JSON.stringify(entries));"
  git ls-files 'native/cuda/*.cpp' | xargs -P 2 -n 4 clang-tidy -p build-lint/cuda --quiet 2>/dev/null
  exit 0
fi
git ls-files 'native/core/*.cpp' 'native/addon/*.cpp' | xargs -P 2 -n 4 clang-tidy -p build-lint --quiet 2>/dev/null
[ "${1:-}" = --kernels ] || exit 0
# Kernels are compiled once per SIMD level from the same source: the last level is looked at, the one with the most code of its own.
mkdir -p build-lint/kernels
node -e "
  const commands = JSON.parse(require('node:fs').readFileSync('build-lint/compile_commands.json', 'utf8'));
  const levels = new Map(commands.filter(({ file }) => file.includes('/kernels/cpu/')).map((entry) => [entry.file, entry]));
  require('node:fs').writeFileSync('build-lint/kernels/compile_commands.json', JSON.stringify([...levels.values()]));"
git ls-files 'kernels/cpu/*.cpp' | xargs -P 2 -n 3 clang-tidy -p build-lint/kernels --quiet 2>/dev/null
