#!/bin/bash
# Runs cargo-deny, installing it into the cache where it is missing.
set -euo pipefail

version=0.20.2
root="${XDG_CACHE_HOME:-$HOME/.cache}/lithify/tools/cargo-deny-$version"

if [ ! -x "$root/bin/cargo-deny" ]; then
  echo "installing cargo-deny $version into the cache (once, a few minutes)"
  CARGO_TARGET_DIR="$root/build" cargo install --quiet --locked --root "$root" cargo-deny --version "$version"
  rm -rf "$root/build"
fi

"$root/bin/cargo-deny" --all-features check --hide-inclusion-graph licenses bans sources
# The advisory database is a git repository: offline machines and registries' mirrors do not have it.
if log=$("$root/bin/cargo-deny" --all-features check --hide-inclusion-graph advisories 2>&1); then
  echo "$log"
elif grep -q 'failed to fetch advisory database' <<<"$log"; then
  echo "skipped: advisories: the advisory database cannot be fetched from here"
  # Yanked crates are part of that check; packaging asks the registry's index for them too.
  package=$(cargo package --no-verify --allow-dirty --quiet 2>&1) || { echo "$package" >&2; exit 1; }
  if grep 'is yanked' <<<"$package" >&2; then exit 1; fi
else
  echo "$log" >&2
  exit 1
fi
