#!/usr/bin/env bash
# Runs every example; each must succeed.
set -euo pipefail
cd "$(dirname "$0")/.."
for example in examples/*.ts; do
  echo "== $example"
  npx tsx "$example"
done
