#!/usr/bin/env bash
# Builds a container image of lithify-webhook or lithify-probe: no shell, no package, no root, the same bytes from
# the same binary.
#
#   image.sh [--binary FILE] [--tag NAME] [--output FILE] lithify-webhook|lithify-probe
#
# --binary  the program; otherwise `cargo build --release` makes it
# --tag     [default: the name that manifests/ has]
# --output  [default: target/PROGRAM.tar]
#
# The image holds the program and the shared libraries that it names (none where it is static), and runs as
# 65532:65532. The archive is an OCI layout that docker takes too:
#   docker load -i target/lithify-webhook.tar
#   ctr -n k8s.io images import target/lithify-webhook.tar
#   kind load image-archive target/lithify-webhook.tar
#   skopeo copy oci-archive:target/lithify-webhook.tar docker://REGISTRY/lithify-webhook:VERSION
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary='' tag='' output='' program=''
usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" | sed '$d'; }
while [ $# -gt 0 ]; do
  case $1 in
    --binary) binary=${2:?--binary FILE}; shift 2 ;;
    --tag) tag=${2:?--tag NAME}; shift 2 ;;
    --output) output=${2:?--output FILE}; shift 2 ;;
    --help) usage; exit ;;
    lithify-webhook | lithify-probe) program=$1; shift ;;
    *) usage >&2; exit 2 ;;
  esac
done
[ -n "$program" ] || { usage >&2; exit 2; }

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
tag=${tag:-$(grep -rhoE "image: [^ ]*/$program:[^ ]+" "$root/manifests" | head -n 1 | cut -d' ' -f2)}
output=${output:-$root/target/$program.tar}
if [ -z "$binary" ]; then
  (cd "$root" && cargo build --release --locked --package "$program" --bin "$program" >&2)
  binary=${CARGO_TARGET_DIR:-$root/target}/release/$program
fi
[ -f "$binary" ] || { echo "image.sh: no program at $binary" >&2; exit 2; }

# What runs it: the machine's name as images spell it.
case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) architecture=$(uname -m) ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

# The root: the program, and what the loader needs of it under the names that it looks for.
mkdir -p "$work/root" "$work/image/blobs/sha256"
cp -- "$binary" "$work/root/$program"
chmod 755 "$work/root/$program"
strip "$work/root/$program" 2>/dev/null || true
# ldd fails for a static program, which needs nothing.
{ ldd "$work/root/$program" 2>/dev/null || true; } | grep -oE '/[^ ]+' | sort -u | while read -r library; do
  [ -f "$library" ] || continue
  mkdir -p "$work/root${library%/*}"
  cp -L -- "$library" "$work/root$library"
  chmod 755 "$work/root$library"
done

pack() { # DIRECTORY: a tar of it that depends on nothing but its contents
  tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu -cf - .
}
digest() { sha256sum "$1" | cut -d' ' -f1; }
# Puts a file among the blobs, and says its descriptor.
blob() { # MEDIA-TYPE FILE
  local name
  name=$(digest "$2")
  mv "$2" "$work/image/blobs/sha256/$name"
  printf '{"mediaType":"%s","digest":"sha256:%s","size":%d}' "$1" "$name" "$(stat -c %s "$work/image/blobs/sha256/$name")"
}
named() { sed 's/.*"sha256:\([0-9a-f]*\)".*/\1/' <<<"$1"; }

pack "$work/root" > "$work/layer"
layer=$(blob application/vnd.oci.image.layer.v1.tar "$work/layer")
cat > "$work/config" <<JSON
{"architecture":"$architecture","os":"linux","created":"1970-01-01T00:00:00Z","config":{"User":"65532:65532","WorkingDir":"/","Entrypoint":["/$program"],"Labels":{"org.opencontainers.image.title":"$program","org.opencontainers.image.version":"$version","org.opencontainers.image.licenses":"Apache-2.0"}},"rootfs":{"type":"layers","diff_ids":["sha256:$(named "$layer")"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"scripts/image.sh"}]}
JSON
config=$(blob application/vnd.oci.image.config.v1+json "$work/config")
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
  "$config" "$layer" > "$work/manifest"
manifest=$(blob application/vnd.oci.image.manifest.v1+json "$work/manifest")
# containerd names the image by its own annotation, others by the specification's.
names="\"annotations\":{\"io.containerd.image.name\":\"$tag\",\"org.opencontainers.image.ref.name\":\"${tag##*:}\"}"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s,%s}]}' \
  "${manifest%\}}" "$names" > "$work/image/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' > "$work/image/oci-layout"
# For a docker that knows no OCI layout.
printf '[{"Config":"blobs/sha256/%s","RepoTags":["%s"],"Layers":["blobs/sha256/%s"]}]' \
  "$(named "$config")" "$tag" "$(named "$layer")" > "$work/image/manifest.json"

mkdir -p "$(dirname "$output")"
pack "$work/image" > "$output"
echo "$output: $tag, sha256:$(named "$manifest"), $(($(stat -c %s "$output") / 1024)) KiB"
