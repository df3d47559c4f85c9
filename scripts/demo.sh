#!/bin/bash
# The main job on real input: a kubeadm control plane, or where this machine cannot hold one (no root, no
# containerd) an apiserver as a plain process that follows its static pod manifest. Nothing stays behind.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-packages.sh
cargo build --quiet --locked --package lithify --package lithify-webhook --package lithify-probe
binary="$(cargo metadata --no-deps --format-version 1 | grep -o '"target_directory":"[^"]*' | cut -d'"' -f4)/debug/lithify"
export LITHIFY_BED=${LITHIFY_BED:-demo-$$}
bed=tests/cluster/bed

color=never bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  color=always bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; }
in_bed() { "$bed" exec -- "$@"; }
# A command as the reader would type it, then its output; a status of 1 is an answer, not a failure.
run() {
  show "$@"
  local status=0
  in_bed "$@" || status=$?
  [ "$status" -le 1 ] || exit "$status"
}
lithify() {
  show lithify "$@"
  local status=0
  in_bed "$binary" --color "$color" "$@" || status=$?
  [ "$status" -le 1 ] || exit "$status"
}

hook=
trap '[ -z "$hook" ] || { kill "$hook"; rm -f "$said"; }; "$bed" down' EXIT
say 'A control plane as kubeadm makes it (etcd, kube-apiserver, kubelet: real ones, on this machine alone)'
tier=${LITHIFY_DEMO_TIER:-kubeadm}
status=0
"$bed" up --tier "$tier" || status=$?
if [ "$status" -eq 3 ]; then
  tier=plain
  echo 'So the apiserver runs as a plain process instead.'
  "$bed" up --tier plain
elif [ "$status" -ne 0 ]; then
  exit "$status"
fi
run kubectl get --raw /readyz
echo

# On a node the defaults serve; a plain process has its files in a directory of its own.
manifest=() options=() policy=/etc/kubernetes/audit-policy.yaml log=/var/log/kubernetes/audit/audit.log
if [ "$tier" = plain ]; then
  own=$(in_bed sh -c 'echo "$HOME"')
  manifest=("$own/kubernetes/manifests/kube-apiserver.yaml") policy=$own/kubernetes/audit-policy.yaml
  log=$own/audit/audit.log
  options=(--audit-policy-file "$policy" --audit-log-path "$log" --state-dir "$own/lithify")
fi

say 'What is wrong with its audit settings'
lithify apiserver check "${manifest[@]}"

say 'What would change (the manifest; the policy that comes with it is left out here)'
lithify apiserver patch "${manifest[@]}" "${options[@]}" --diff |
  awk '/--- \/dev\/null/ {policy = 1} /--- .*kube-apiserver/ {policy = 0} !policy'

say 'One safe step: validate, back up, install, restart, verify'
lithify apiserver patch "${manifest[@]}" "${options[@]}"

say 'Somebody creates a Secret and deletes it'
run kubectl -n default create secret generic database --from-literal=password=correct-horse
run kubectl -n default delete secret database

say 'What the audit log says of it (and that it does not hold the password)'
in_bed grep -h '"resource":"secrets"' "$log" | grep '"name":"database"' |
  sed -E 's/.*"level":"([^"]*)".*"stage":"([^"]*)".*"verb":"([^"]*)".*"username":"([^"]*)".*/  \3 secrets\/database by \4, level \1, stage \2/' | sort -u
if in_bed grep -q correct-horse "$log" || in_bed grep -q "$(printf correct-horse | base64)" "$log"; then
  echo 'the password stands in the audit log' >&2
  exit 1
fi
show "grep -c correct-horse $log"
echo 0

say 'Which rule of the policy took how much of the log'
lithify audit-policy explain --policy "$policy" --events "$log"

say 'A second run changes nothing'
lithify apiserver patch "${manifest[@]}" "${options[@]}"

say 'The webhook: what others send to the API is judged, and made read-only where a profile says what it writes'
own=$(in_bed mktemp -d)
in_bed mkdir "$own/profiles"
in_bed tee "$own/lithify.yaml" >/dev/null <<'E2'
mutation: profiled
E2
in_bed tee "$own/profiles/nginx.yaml" >/dev/null <<'E2'
apiVersion: lithify.dev/v1alpha1
kind: WriteProfile
metadata: {name: nginx}
spec:
  image: docker.io/library/nginx
  paths: [{path: /var/cache/nginx, contents: empty, writes: 3, firstWriter: nginx}]
  observed: {from: 2026-11-01T00:00:00Z, to: 2026-11-08T00:00:00Z, containers: 12, starts: 14, stops: 9}
  unresolved: []
  complete: true
E2
in_bed kubectl create namespace lithify-system >/dev/null
place=(--url https://127.0.0.1:9443 --namespace lithify-system --config "$own/lithify.yaml")
serve=(serve --listen 127.0.0.1:9443 --self-signed --profiles "$own/profiles" "${place[@]}")
show lithify-webhook "${serve[@]}"
said=$(mktemp)
"$bed" exec -- "$binary-webhook" "${serve[@]}" 2>"$said" &
hook=$!
until grep -q '"listening"' "$said"; do kill -0 "$hook" || { cat "$said" >&2; exit 1; }; done
show lithify-webhook register --apply "${place[@]}"
in_bed "$binary-webhook" register --apply "${place[@]}"
run kubectl create namespace prod
run kubectl label namespace prod lithify.dev/enforce=immutable
in_bed kubectl -n prod create serviceaccount default >/dev/null 2>&1 || true # no controller in a plain bed
in_bed tee "$own/refused.yaml" >/dev/null <<'E2'
apiVersion: v1
kind: Pod
metadata: {name: refused}
spec: {containers: [{name: app, image: busybox, securityContext: {privileged: true}}]}
E2
in_bed tee "$own/mutated.yaml" >/dev/null <<'E2'
apiVersion: v1
kind: Pod
metadata: {name: mutated}
spec: {containers: [{name: nginx, image: nginx}]}
E2
# The apiserver hears of new configurations a moment later.
for _ in {1..50}; do
  in_bed kubectl -n prod apply --dry-run=server -f "$own/refused.yaml" >/dev/null 2>&1 || break
done
# What is shown must be there: a webhook that does not answer refuses too.
expect() {
  local words=$1 output
  shift
  output=$(run "$@" 2>&1)
  echo "$output"
  grep -qF "$words" <<<"$output" || { echo "expected: $words" >&2; exit 1; }
}
expect 'violates lithify immutable:latest' kubectl -n prod apply -f "$own/refused.yaml"
expect 'pod/mutated created' kubectl -n prod apply -f "$own/mutated.yaml"
expect '{"readOnlyRootFilesystem":true}' kubectl -n prod get pod mutated \
  -o 'jsonpath={.metadata.annotations.lithify\.dev/mutated}{"\n"}{.spec.containers[0].securityContext}{"\n"}'
in_bed "$binary-webhook" register --remove >/dev/null
scripts/demo-loop.sh "$(dirname "$binary")"

say 'What this was'
cat <<E2
This kube-apiserver had no audit log. Lithify added the flags, the policy and the
volumes that belong together, kept every comment and byte it did not own, saw the apiserver restarted,
healthy and writing events, and would have put everything back otherwise. \`lithify apiserver rollback\` undoes it;
\`lithify apiserver kubeadm\` makes it survive \`kubeadm upgrade\`.
E2
