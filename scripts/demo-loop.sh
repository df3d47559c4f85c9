#!/bin/bash
# The loop: a container (runc, busybox) is watched while it writes, its manifest is fixed by what was seen, it runs again
# with a read-only root, and what that refuses is an alert. Needs root and a kernel that loads eBPF, and leaves nothing.
#
#   demo-loop.sh DIRECTORY-OF-THE-PROGRAMS
set -euo pipefail
cd "$(dirname "$0")/.."
programs=$(realpath "$1")
color=never bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  color=always bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; }

[ "$(id -u)" -eq 0 ] || { echo 'skipped: the probe and its container need root'; exit 0; }
for program in runc /bin/busybox unshare; do
  command -v "$program" >/dev/null || { echo "skipped: no $program"; exit 0; }
done

own=$(mktemp -d)
probe=
trap '[ -z "$probe" ] || kill "$probe" 2>/dev/null || true; rm -rf "$own"' EXIT
mkdir -p "$own"/image/{bin,dev,proc,sys,run,opt,etc,var/cache/nginx}
cp /bin/busybox "$own/image/bin/"
for applet in sh mkdir sleep; do ln -s busybox "$own/image/bin/$applet"; done

# container ID READONLY SCRIPT DIRECTORY...: runs the script in a container as Docker would name it, with a fresh tmpfs
# at each directory, which is what the kubelet makes of an emptyDir in memory.
container() {
  local id=$1 readonly=$2 script=$3 mounts='' bundle
  shift 3
  bundle=$own/$id
  for directory in "$@"; do
    mounts+=",{\"destination\":\"$directory\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"}"
  done
  mkdir "$bundle"
  cat >"$bundle.json" <<CONFIG
{"ociVersion": "1.0.2", "hostname": "web", "root": {"path": "$bundle/root", "readonly": $readonly},
 "process": {"terminal": false, "user": {"uid": 0, "gid": 0}, "cwd": "/", "env": ["PATH=/bin"],
  "args": ["sh", "-c", "$script"],
  "capabilities": {"bounding": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"]}},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
  {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}$mounts],
 "linux": {"cgroupsPath": "/lithify-demo/docker-$id.scope",
  "namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}]}}
CONFIG
  # Its mounts go with the mount namespace.
  unshare --mount --propagation private sh -ec "mount -t tmpfs tmpfs '$bundle'
    mkdir '$bundle/upper' '$bundle/work' '$bundle/root'
    cp '$bundle.json' '$bundle/config.json'
    mount -t overlay -o 'lowerdir=$own/image,upperdir=$bundle/upper,workdir=$bundle/work' overlay '$bundle/root'
    exec runc --root '$own/runc' run --bundle '$bundle' '$id'" || true
  rmdir /sys/fs/cgroup/lithify-demo /sys/fs/cgroup/*/lithify-demo 2>/dev/null || true
}

# started LOG WORDS: waits until the probe says them.
started() {
  touch "$1"
  until grep -q "$2" "$1"; do
    kill -0 "$probe" 2>/dev/null || { sed 's/^/skipped: /' "$1"; exit 0; }
  done
}

first=$(printf '%064x' 0x5eed0001) second=$(printf '%064x' 0xbad50002)
first=${first:56}${first:0:56} second=${second:56}${second:0:56}
cat >"$own/image/bin/serve" <<'SCRIPT'
#!/bin/sh
set -e
mkdir -p /var/cache/nginx/proxy
echo page > /var/cache/nginx/proxy/1
echo $$ > /run/nginx.pid
sleep 1
SCRIPT
chmod +x "$own/image/bin/serve"

say 'Where does this container write? The probe watches it, from the kernel'
show lithify-probe learn --output profiles --container "${first:0:12}" --image nginx --min-starts 1 --min-time 0s
"$programs/lithify-probe" learn --output "$own/profiles" --container "$first" --image nginx --min-starts 1 --min-time 0s \
  2>"$own/learned" &
probe=$!
started "$own/learned" 'learning where containers write'
container "$first" false serve
kill -INT "$probe"
wait "$probe"
grep -v '^no container runtime' "$own/learned" | sed "s#$own/##" # runc alone is none

say 'The fix mounts just that, and makes the root read-only'
cat >"$own/web.yaml" <<'MANIFEST'
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: nginx
    image: nginx # pinned by the release
MANIFEST
printf 'writable:\n  profiles: [profiles/*.yaml]\n' >"$own/lithify.yaml"
show lithify fix web.yaml
(cd "$own" && "$programs/lithify" --color "$color" fix web.yaml && show cat web.yaml && cat web.yaml)
grep -q 'readOnlyRootFilesystem: true' "$own/web.yaml"

say 'It runs as before with a read-only root; who wants a foothold there is refused, and told'
show lithify-probe run -r manifests/rules/lithify_rules.yaml
"$programs/lithify-probe" run -r manifests/rules/lithify_rules.yaml -o log_syslog=false >"$own/alerts" 2>"$own/log" &
probe=$!
started "$own/log" 'rules in force\|watching'
mapfile -t mounts < <(sed -n 's/.*mountPath: //p' "$own/web.yaml")
container "$second" true "serve; echo pwned > /opt/backdoor" "${mounts[@]}" 2>&1 | sed 's/^/  its own words: /'
until grep -q 'Write refused' "$own/alerts"; do kill -0 "$probe"; done
kill -TERM "$probe"
wait "$probe" || true
grep 'Write refused' "$own/alerts"
