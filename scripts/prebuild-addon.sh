#!/usr/bin/env bash
# What prebuildify runs in place of node-gyp, as `rebuild --target=… --arch=… --release`: builds the addon with cmake-js in a folder of its own,
# which leaves a development build as it is, and puts the binary where prebuildify looks for it, under the working directory.
# EZNAS_PREBUILD_OPTIONS has further options for cmake-js.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
arch=x64
for argument; do
  case $argument in --arch=*) arch=${argument#*=} ;; esac
done
options=(--CDEZNAS_PORTABLE=ON)
if [ "$arch" = arm64 ] && [ "$(uname -m)" != aarch64 ]; then
  options+=(--CDCMAKE_SYSTEM_NAME=Linux --CDCMAKE_SYSTEM_PROCESSOR=aarch64 --CDCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++)
fi
read -ra further <<<"${EZNAS_PREBUILD_OPTIONS:-}"
cmake-js rebuild --directory "$root" --out "$root/build-prebuild-$arch" --parallel 2 "${options[@]}" "${further[@]}"
mkdir -p build/Release
cp "$root/build-prebuild-$arch/Release/eznas.node" build/Release/
