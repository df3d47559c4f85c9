#!/usr/bin/env bash
# build.sh
#
# Builds the oracle unless the cache has it, and prints its path:
#   ${XDG_CACHE_HOME:-~/.cache}/lithify/pss-oracle/KEY/pss-oracle
# KEY is a hash of everything that goes in, so that a stale binary is never found. Callers at the same time
# wait for the first. Cold, it takes a minute or two. Exit status 3: Go is not installed.
set -euo pipefail

unused_days=14

cd "$(dirname "${BASH_SOURCE[0]}")"
command -v go >/dev/null || { echo "build.sh: go is not installed" >&2; exit 3; }

build=(env CGO_ENABLED=0 go build -trimpath -ldflags="-s -w")
key=$({
  go version
  go env GOOS GOARCH GOAMD64 GOARM64 GOEXPERIMENT GOFLAGS
  printf '%s\n' "${build[@]}"
  sha256sum go.mod go.sum ./*.go
} | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lithify/pss-oracle
mkdir -p "$cache"

exec 9>"$cache/.lock"
flock 9
if [ ! -x "$cache/$key/pss-oracle" ]; then
  new=$(mktemp -d "$cache/.new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  "${build[@]}" -o "$new/pss-oracle" . >&2
  chmod 755 "$new"
  rm -rf "${cache:?}/$key"
  mv -T "$new" "$cache/$key"
fi
touch "$cache/$key"
# Half-made directories of a killed build, and keys that no checkout has asked for in a while.
rm -rf "$cache"/.new.*
find "$cache" -mindepth 1 -maxdepth 1 -type d ! -name "$key" -mtime "+$unused_days" -exec rm -rf {} +
echo "$cache/$key/pss-oracle"
