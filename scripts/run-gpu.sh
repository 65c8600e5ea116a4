#!/usr/bin/env bash
# Runs tests and timings on a GPU, from the folder that scripts/pack-gpu.sh packed: run.sh [folder for results]. Goes on after a step that fails; fails
# itself if any did. RESULTS/summary.txt tells of each.
set -uo pipefail
root=$(cd "$(dirname "$0")" && pwd)
results=${1:-$PWD/gpu-results}
mkdir -p "$results"
results=$(cd "$results" && pwd)
export PATH="$root/bin:$PATH" PREBUILDS_ONLY=1 LC_ALL=C
summary=$results/summary.txt
: >"$summary"
failures=0

tell() { tee -a "$summary"; }

# step NAME COMMAND…: output goes to NAME.txt; outcome, seconds and what a failure said last go to the summary. Fails as the command does.
step() {
  local name=$1 start=$EPOCHREALTIME outcome=ok
  shift
  "$@" >"$results/$name.txt" 2>&1 || outcome="FAILED ($?)"
  printf '%-40s %-12s %8.2f s\n' "$name" "$outcome" "$(awk "BEGIN { print $EPOCHREALTIME - $start }")" | tell
  [ "$outcome" = ok ] && return
  failures=$((failures + 1))
  tail -n 1 "$results/$name.txt" | sed 's/^/    /' | tell
  return 1
}
skip() { printf '%-40s %-12s %s\n' "$1" skipped "$2" | tell; }
eznas() { node "$root/package/dist/cli/main.js" "$@"; }

step nvidia-smi nvidia-smi -q
step doctor eznas doctor --json
for program in "$root"/native/*_test_gpu; do step "$(basename "$program")" "$program"; done
if command -v compute-sanitizer >/dev/null; then
  for program in "$root"/native/*_test_gpu; do
    step "sanitizer-$(basename "$program")" compute-sanitizer --error-exitcode 99 "$program"
  done
else
  skip sanitizer "compute-sanitizer is not on this machine"
fi
[ ! -x "$root/native/cuda_precision_gpu" ] || step precision "$root/native/cuda_precision_gpu"

# The same networks on both devices; what they differ by.
read -ra architectures < <(seq -s ' ' 0 15 15624)
score() { step "score-$1" eznas score --proxy eznas-a --batch 16 --device "$1" --json --out "$results/score-$1.json" "${architectures[@]}"; }
if score cuda && score cpu; then
  step score-difference node -e "
    const [cpu, cuda] = process.argv.slice(1).map((path) => JSON.parse(require('fs').readFileSync(path, 'utf8')).scores['eznas-a']);
    const differences = cpu.map((score, i) => Math.abs(cuda[i] - score) / Math.max(Math.abs(score), 1e-30)).sort((a, b) => a - b);
    console.log('networks', cpu.length, 'relative difference: median', differences[cpu.length >> 1], 'largest', differences.at(-1));
    if (!(differences.at(-1) < 0.05)) process.exit(1);" "$results/score-cpu.json" "$results/score-cuda.json"
else
  skip score-difference "there is nothing to compare"
fi
step evaluate-1000-cuda eznas evaluate --proxy eznas-a --networks 1000 --batch 16 --device cuda --json
step evaluate-all-cuda eznas evaluate --proxy eznas-a --networks 15625 --batch 16 --device cuda --json
for precision in float32 tf32; do
  step "bench-$precision" eznas bench --device cuda --precision "$precision" --json --out "$results/bench-$precision.json"
done
((failures == 0))
