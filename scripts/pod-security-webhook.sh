#!/usr/bin/env bash
# Builds Kubernetes' own Pod Security webhook, with which benches/webhook compares, unless the cache has it, and prints
# the path of the program. Cold it takes minutes.
set -euo pipefail

# As tests/pss-oracle has it.
version=v0.37.2
directory=${XDG_CACHE_HOME:-$HOME/.cache}/lithify/tools/pod-security-webhook-$version
if [ ! -x "$directory/webhook" ]; then
  command -v go >/dev/null || { echo "pod-security-webhook.sh: go is not installed" >&2; exit 3; }
  mkdir -p "$directory"
  echo "building k8s.io/pod-security-admission/cmd/webhook $version (minutes, once: kept in $directory)" >&2
  GOBIN="$directory" GOFLAGS=-ldflags=-s\ -w go install "k8s.io/pod-security-admission/cmd/webhook@$version" >&2
fi
echo "$directory/webhook"
