#!/bin/bash
# Debian packages that the tests need: a container runtime, a shell for test containers, pod networking; the
# compiler that shows the prebuilt kernel objects to match their sources; a machine for other kernels; a browser to
# look at reports, and a parser of XML that is not ours.
# Does nothing where they are there, or where it may not install (the tests that need them then say so).
set -euo pipefail

packages=(containerd runc busybox-static containernetworking-plugins iproute2 procps clang-14 llvm-14 libbpf-dev
  qemu-system-x86 chromium-headless-shell python3)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "note: these packages are missing and need root and apt-get to install: ${missing[*]}" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -20 "$log" >&2
  exit 1
fi
