#!/usr/bin/env bash
# Makes the package, installs it into an empty folder as on a machine without compiler, CMake and network, and runs test/package there.
# EZNAS_PREBUILD_ARGUMENTS: arguments for scripts/prebuild.ts, empty for a binary as it ships.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

read -ra arguments <<<"${EZNAS_PREBUILD_ARGUMENTS:-}"
npm run prebuild -- "${arguments[@]}"
npm run build:ts
npm pack --ignore-scripts --silent --pack-destination "$work" >/dev/null
tarball=$(echo "$work"/eznas-*.tgz)

# npm's cache as after one installation with a network: what dependencies there are is not part of the test.
export npm_config_cache="$work/cache" npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false
mkdir "$work/primer" "$work/bin" "$work/empty"
npm install --prefix "$work/primer" --ignore-scripts --silent "$tarball"

# Node.js and a shell, and nothing that builds.
for tool in node npm npx sh env; do ln -s "$(command -v "$tool")" "$work/bin/"; done
isolation=()
if unshare --net true 2>/dev/null; then isolation=("$(command -v unshare)" --net); else echo "no rights to cut off the network: npm's --offline must do"; fi
"${isolation[@]}" env PATH="$work/bin" PREBUILDS_ONLY=1 npm_config_offline=true \
  npm install --prefix "$work/empty" --foreground-scripts --loglevel notice --no-progress "$tarball" | tee "$work/install.log"

EZNAS_PACKAGE="$work" EZNAS_ISOLATION="${isolation[*]}" npx mocha --timeout 300000 test/package/installed.ts
