#!/usr/bin/env bash
# Packs build-gpu/eznas-gpu.tgz: what a Linux machine with an NVIDIA driver, but without Node.js, compiler and network, needs to run scripts/run-gpu.sh,
# tests and timings on the GPU. Needs nvcc. EZNAS_CUDA_ARCHITECTURES (90-real) names the devices to have code for.
set -euo pipefail
cd "$(dirname "$0")/.."
most=$((64 * 1024 * 1024))

npx cmake-js configure --out build-gpu --CDEZNAS_CUDA=ON --CDEZNAS_CUDA_ARCHITECTURES="${EZNAS_CUDA_ARCHITECTURES:-90-real}" --CDEZNAS_TESTS=ON \
  --CDEZNAS_PORTABLE=ON --CDCMAKE_EXE_LINKER_FLAGS="-static-libstdc++ -static-libgcc"
cmake --build build-gpu --parallel 2
npm run build:ts

pack=build-gpu/eznas-gpu
rm -rf "$pack"
mkdir -p "$pack/bin" "$pack/native" "$pack/package/prebuilds/linux-x64"
cp scripts/run-gpu.sh "$pack/run.sh"
cp "$(node -p process.execPath)" "$pack/bin/node"
strip "$pack/bin/node"
cp build-gpu/bin/*_gpu "$pack/native/"
strip "$pack"/native/*
cp -r dist data "$pack/package/"
# Results name the commit.
commit=$(git rev-parse --short=12 HEAD)$([ -z "$(git status --porcelain)" ] || echo +changes)
node -p "JSON.stringify({ ...require('./package.json'), gitHead: '$commit' })" >"$pack/package/package.json"
cp build-gpu/Release/eznas.node "$pack/package/prebuilds/linux-x64/eznas.glibc.node"
strip "$pack/package/prebuilds/linux-x64/eznas.glibc.node"
# What the package needs to run, and of SQLite's binaries the one for such a machine.
npm ls --omit=dev --all --parseable | sed "1d;s#^$PWD/##" | while read -r folder; do
  mkdir -p "$pack/package/$(dirname "$folder")"
  cp -r "$folder" "$pack/package/$(dirname "$folder")/"
done
find "$pack/package/node_modules/@photostructure/sqlite/prebuilds" -mindepth 1 -maxdepth 1 ! -name linux-x64 -exec rm -r {} +

tar -C build-gpu -c eznas-gpu | gzip -9 >"$pack.tgz"
bytes=$(stat -c %s "$pack.tgz")
echo "$pack.tgz: $((bytes / 1024 / 1024)) MiB"
((bytes <= most)) || { echo "more than $((most / 1024 / 1024)) MiB" >&2; exit 1; }
