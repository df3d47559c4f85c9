#!/bin/bash
# Every test, then one closing line with their sum. A test that cannot run here says `skipped: <reason>`;
# with LITHIFY_REQUIRE=root,cluster,bpf,browser,renderers,python,guest (as CI sets it; also: fuzz) it fails instead.
set -uo pipefail
cd "$(dirname "$0")/.."

# Property tests judge the change, not the day: the same cases each time. `make fuzz` and a bare `cargo test` search on.
export PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-20261124}"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0

cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$log"
[ "${PIPESTATUS[0]}" -eq 0 ] || status=1
scripts/fuzz.sh "${FUZZ_SECONDS:-20}" | tee -a "$log"
[ "${PIPESTATUS[0]}" -eq 0 ] || status=1
if { command -v clang-14 && command -v llvm-strip-14; } >/dev/null || [[ ",${LITHIFY_REQUIRE:-}," == *,bpf,* ]]; then
  scripts/bpf.sh --check || status=1
else
  echo "skipped: prebuilt kernel objects are not compared with their sources: clang-14 or llvm-14 is missing" | tee -a "$log"
fi

sum() { grep -oE "^test result: .*" "$log" | grep -oE "[0-9]+ $1" | awk '{total += $1} END {print total + 0}'; }
skipped=$(grep -c '^skipped: ' "$log")
echo
grep '^skipped: ' "$log" | sort | uniq -c
failed=$(sum failed)
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$(sum passed) passed, $failed failed, $skipped skipped"
exit "$status"
