#!/bin/bash
# fuzz.sh SECONDS [TARGET]: runs every fuzz target of fuzz/ (or one) for that long. Needs a nightly toolchain: without
# one it says so, and fails where LITHIFY_REQUIRE has `fuzz`.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=${1:?usage: fuzz.sh SECONDS [TARGET]}
if ! cargo +nightly --version >/dev/null 2>&1; then
  echo "skipped: fuzzing: no nightly toolchain (rustup toolchain install nightly)"
  [[ ",${LITHIFY_REQUIRE:-}," != *,fuzz,* ]] || exit 1
  exit 0
fi

# What cargo-fuzz would set: coverage for libFuzzer, and addresses checked.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-../target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Zsanitizer=address"
cargo +nightly build --quiet --release --locked --target "$host"

for target in fuzz_targets/${2:-*}.rs; do
  name=$(basename "$target" .rs)
  mkdir -p "corpus/$name" "artifacts/$name"
  echo "fuzzing $name for $seconds s"
  # The fixtures are the seeds; new inputs go to the corpus, the first directory. 4 KiB reach every rule of
  # the grammars; longer inputs only slow the search.
  "$CARGO_TARGET_DIR/$host/release/$name" -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=2048 -timeout=10 \
    -artifact_prefix="artifacts/$name/" -print_final_stats=0 "corpus/$name" ../fixtures 2>"artifacts/$name.log" \
    || { tail -40 "artifacts/$name.log" >&2; exit 1; }
  grep -E '^(Done|#[0-9]+\s+DONE)' "artifacts/$name.log" | tail -1
done
