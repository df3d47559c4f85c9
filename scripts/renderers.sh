#!/usr/bin/env bash
# Builds helm and kustomize, with which the tests render charts, unless the cache has them, and prints the directory
# that holds them. Cold it takes two minutes of two cores, and 500 MB of Go's own cache while it builds.
set -euo pipefail

helm=v3.22.0
# The newest that Go 1.26 builds.
kustomize=v5.7.1

directory=${XDG_CACHE_HOME:-$HOME/.cache}/lithify/tools/renderers-$helm-$kustomize
if [ ! -x "$directory/kustomize" ]; then
  command -v go >/dev/null || { echo "renderers.sh: go is not installed" >&2; exit 3; }
  mkdir -p "$directory"
  exec 9>"$directory/.lock"
  flock 9
  if [ ! -x "$directory/kustomize" ]; then
    echo "building helm $helm and kustomize $kustomize (minutes, once: kept in $directory)" >&2
    export GOBIN="$directory" GOFLAGS=-ldflags=-s\ -w
    nice -n 15 go install "helm.sh/helm/v3/cmd/helm@$helm" >&2
    nice -n 15 go install "sigs.k8s.io/kustomize/kustomize/v5@$kustomize" >&2
  fi
fi
echo "$directory"
