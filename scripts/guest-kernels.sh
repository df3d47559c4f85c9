#!/bin/bash
# Debian's kernels, for the tests that boot one (probes/tests/trigger/guest.rs): a copy of each in the cache.
#
# Takes the newest security update of each series through apt, checked against Debian's keys, in directories of its
# own: it needs no root, and neither the machine's sources nor its installed packages change. Does nothing for a kernel
# that is in the cache; where one cannot be had it says so, and the test that needs it too.
set -euo pipefail

cache="${XDG_CACHE_HOME:-$HOME/.cache}/lithify/kernels"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
# Which release has which series: the version of its linux-image-cloud-amd64.
series=(6.1:bookworm 5.10:bullseye)

[ "$(uname -m)" = x86_64 ] || exit 0

fetch() { # series, release
  local work=$1
  local apt=(-qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::State="$work" -o Dir::State::status="$work/status" -o Dir::Cache="$work"
    -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
  mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/files"
  : >"$work/status"
  echo "deb [arch=amd64 signed-by=$keys] http://deb.debian.org/debian-security $3-security main" >"$work/sources.list"
  local package
  apt-get "${apt[@]}" -o APT::Architecture=amd64 update &&
    package=$(apt-cache "${apt[@]}" show linux-image-cloud-amd64 | grep -om1 "linux-image-$2\.[^ ]*") &&
    (cd "$work" && apt-get "${apt[@]}" download "$package") &&
    dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar -x -C "$work/files" ./boot &&
    mkdir -p "$cache/$2" &&
    # Beside it first: what has the name is whole.
    mv "$work"/files/boot/vmlinuz-* "$cache/$2/vmlinuz.$$" && mv "$cache/$2/vmlinuz.$$" "$cache/$2/vmlinuz"
}

for one in "${series[@]}"; do
  version=${one%:*} release=${one#*:}
  [ -e "$cache/$version/vmlinuz" ] && continue
  if ! command -v apt-get >/dev/null || [ ! -e "$keys" ]; then
    echo "note: no Debian kernel $version: needs apt-get and $keys" >&2
    continue
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  if ! fetch "$work" "$version" "$release" >"$work/log" 2>&1; then
    tail -3 "$work/log" >&2
    echo "note: Debian's kernel $version cannot be had from $release" >&2
  fi
  rm -rf "$work"
done
