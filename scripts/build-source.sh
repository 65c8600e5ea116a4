#!/usr/bin/env bash
# Builds the addon where no prebuilt binary fits, in an installed package as in a clone. The build tools, in the versions the package is made with,
# come from npm's registry into a folder that is removed again; CMake and a C++20 compiler must be there. Arguments go to cmake-js.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
read -ra packages < <(node -p "
  const { devDependencies } = require('./package.json');
  ['cmake-js', 'node-addon-api', 'node-api-headers'].map((name) => name + '@' + devDependencies[name]).join(' ')")
npm install --prefix "$tools" --no-save --ignore-scripts --no-audit --no-fund "${packages[@]}"
NODE_PATH="$tools/node_modules" "$tools/node_modules/.bin/cmake-js" rebuild --out build --parallel "$(nproc)" "$@"
