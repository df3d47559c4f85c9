#!/usr/bin/env bash
# Builds the probe's kernel half: bpf.sh [--check]
#
# Writes probes/bpf/layout.h from Rust's structures, compiles for each architecture, strips what the loader does not
# need, and notes the sources' digests, by which a test without a compiler tells stale objects. --check builds aside
# and compares. The compiler's version is fixed: another one makes other bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

version=14
clang=clang-$version strip=llvm-strip-$version
for tool in "$clang" "$strip"; do
	command -v "$tool" >/dev/null || { echo "needs $tool: apt-get install clang-$version llvm-$version libbpf-dev" >&2; exit 2; }
done
include=/usr/include/$(gcc -print-multiarch 2>/dev/null || echo "$(uname -m)-linux-gnu")
out=probes/bpf/prebuilt
if [[ "${1:-}" == --check ]]; then
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
else
	LITHIFY_BLESS=1 cargo test --quiet --package lithify-probe --lib kernel::layout >/dev/null
fi

build() { # object, macro of the architecture, more options
	(cd probes/bpf && "$clang" -O2 -g -target bpf -mcpu=v3 -Wall -Werror -Wno-unused-function \
		-Wno-compare-distinct-pointer-types "-D__TARGET_ARCH_$2" "${@:3}" -I"$include" -fdebug-compilation-dir=. \
		-c probe.bpf.c -o -) >"$out/$1.o"
	"$strip" -g "$out/$1.o"
}
build probe.x86_64 x86
build probe.aarch64 arm64
# For kernels before 5.15: see current.h.
build probe-5.8.x86_64 x86 -DKERNEL_5_8
build probe-5.8.aarch64 arm64 -DKERNEL_5_8
(cd probes/bpf && sha256sum -- *.c *.h) >"$out/SOURCES"

if [[ "${1:-}" == --check ]]; then
	diff -r "$out" probes/bpf/prebuilt || { echo "prebuilt objects do not match their sources: run \`make bpf\`" >&2; exit 1; }
fi
