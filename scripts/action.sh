#!/bin/bash
# What the GitHub Action runs (action.yml): lints PATHS (one a line) with LEVEL, CONFIG and BASELINE where they are set,
# shows the findings as FORMAT, and writes SARIF and HTML too where they name a file. Exits as `lithify lint` does.
set -uo pipefail

options=()
[ -z "${LEVEL:-}" ] || options+=(--level "$LEVEL")
[ -z "${CONFIG:-}" ] || options+=(--config "$CONFIG")
[ -z "${BASELINE:-}" ] || options+=(--baseline "$BASELINE")
paths=()
while IFS= read -r path; do
  [ -z "$path" ] || paths+=("$path")
done <<<"${PATHS:-.}"

# Findings (1) are told by the last run; a report that cannot be written is an error of its own.
write() { # format, file
  [ -n "$2" ] || return 0
  local status=0
  lithify lint --format "$1" "${options[@]}" -- "${paths[@]}" >"$2" || status=$?
  [ "$status" -le 1 ] || echo "the $1 report $2 is not complete: lithify lint ended with status $status" >&2
}
write sarif "${SARIF:-}" || exit 2
write html "${HTML:-}" || exit 2
lithify lint --format "${FORMAT:-github}" "${options[@]}" -- "${paths[@]}"
