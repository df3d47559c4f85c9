#!/usr/bin/env bash
# build.sh [hyperkube|oracle|mkimage|pause|serviceip]...     (none named: all)
#
# Builds programs of this module unless the cache has them, and prints for each the directory that holds it:
#   ${XDG_CACHE_HOME:-~/.cache}/lithify/testbed/PROGRAM/KEY/PROGRAM
# KEY is a hash of everything that goes in, so that a stale binary is never found. Only the binary is
# kept: Go's own build cache, 3 GB for hyperkube, is left to Go. Callers at the same time wait for the
# first. Cold, hyperkube takes five minutes of two cores; the others seconds.
set -euo pipefail

components=(etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kubeadm kubectl)
kubernetes=v1.34.4
unused_days=14

cd "$(dirname "${BASH_SOURCE[0]}")"
[ $# != 0 ] || set -- oracle mkimage pause serviceip hyperkube
if [ $# -gt 1 ]; then
  for program; do ./build.sh "$program"; done
  exit
fi
program=$1
[ -f "$program/main.go" ] || { echo "build.sh: no program \`$program\` here: expected hyperkube, oracle, mkimage, pause or serviceip" >&2; exit 2; }
command -v go >/dev/null || { echo "build.sh: go is not installed" >&2; exit 3; }

ldflags="-s -w"
if [ "$program" = hyperkube ]; then
  # kubeadm and kubectl parse their own version; without these it is v0.0.0-master+$Format:%H$.
  minor=${kubernetes#v1.} minor=${minor%.*}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    ldflags+=" -X $package.gitVersion=$kubernetes -X $package.gitMajor=1 -X $package.gitMinor=$minor"
    ldflags+=" -X $package.gitTreeState=clean -X $package.gitCommit=$(printf '%040d' 0) -X $package.buildDate=2026-01-01T00:00:00Z"
  done
fi
# Static: the binaries are all that their images hold.
go_build=(env CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags="$ldflags")

key=$({
  go version
  go env GOOS GOARCH GOAMD64 GOARM64 GOEXPERIMENT GOFLAGS
  printf '%s\n' "${go_build[@]}"
  sha256sum go.mod go.sum "$program"/*.go
} | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lithify/testbed/$program

build() {
  mkdir -p "$cache"
  exec 9>"$cache/.lock"
  flock 9
  [ ! -x "$cache/$key/$program" ] || return 0
  [ "$program" != hyperkube ] || echo "building $program (minutes, once: kept in $cache)" >&2
  # Half-made directories of a killed build, and keys that no checkout has asked for in a while.
  rm -rf "$cache"/.new.* "${cache:?}/$key"
  find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime "+$unused_days" -exec rm -rf {} +
  local new=$cache/.new.$$
  mkdir "$new"
  "${go_build[@]}" -o "$new/$program" "./$program" >&2
  [ "$program" != hyperkube ] || for component in "${components[@]}"; do ln -s hyperkube "$new/$component"; done
  mv -T "$new" "$cache/$key"
}

[ -x "$cache/$key/$program" ] || build
touch "$cache/$key" 2>/dev/null || true
echo "$cache/$key"
