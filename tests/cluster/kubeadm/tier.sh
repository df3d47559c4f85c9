# shellcheck shell=bash
# Sourced by `bed`: the kubeadm tier, seen from outside its namespaces.
: "${bed:?}" "${module:?}"

cgroup=lithify-bed-$$

requirements() {
  [ "$(id -u)" = 0 ] || cannot "not root: the kubeadm tier makes namespaces, mounts and cgroups"
  local tool
  for tool in containerd ctr runc ip nsenter unshare setpriv pivot_root; do
    command -v $tool >/dev/null || cannot "no \`$tool\` (scripts/install-packages.sh installs what is needed)"
  done
  [ -x /usr/lib/cni/bridge ] || cannot "no CNI plugins in /usr/lib/cni (scripts/install-packages.sh)"
  [ -w /sys/fs/cgroup ] || cannot "the cgroup tree is not writable"
}

# One directory of that name in each cgroup hierarchy: v1 has one per controller, v2 a single one.
hierarchies() {
  awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts | sort -u
}

remove_cgroups() {
  local hierarchy tries=200
  for hierarchy in $(hierarchies); do
    # The last process of a cgroup is gone a moment after it was killed.
    until [ ! -d "$hierarchy/$1" ] || find "$hierarchy/$1" -depth -type d -exec rmdir {} + 2>/dev/null; do
      [ $((tries -= 1)) -gt 0 ] || return 1
      sleep 0.05
    done
  done
}

start() {
  local hierarchy stale
  # Left by a holder that was killed with -9.
  for hierarchy in $(hierarchies); do
    for stale in "$hierarchy"/lithify-bed-*; do
      [ ! -d "$stale" ] || [ -d "/proc/${stale##*-}" ] || remove_cgroups "${stale##*/}" || say "could not remove $stale"
    done
    # With cgroup v2 a directory has only the controllers that its parent hands down.
    { echo "+cpu +cpuset +memory +pids" > "$hierarchy/cgroup.subtree_control"; } 2>/dev/null || true
    mkdir "$hierarchy/$cgroup"
  done
  images=$("$module/build.sh" mkimage) pause=$("$module/build.sh" pause) serviceip=$("$module/build.sh" serviceip)
  export PATH=${hyperkube:?}:$images:$serviceip:$PATH cgroup pause
  exec setpriv --pdeathsig KILL unshare --mount --net --pid --uts --ipc --fork --kill-child "$module/kubeadm/init"
}

stop() {
  # With the first process of a PID namespace go all others, and unshare ends when they are gone.
  kill -KILL "$(cat "$bed/init.pid" || echo "$1")"
}

clean_up() { remove_cgroups "$cgroup"; }

enter() {
  # shellcheck disable=SC2016 # expanded on the other side
  exec nsenter --target "$(cat "$bed/init.pid")" --mount --net --pid --uts --ipc \
    env PATH="$(readlink "$bed/bin"):$PATH" HOME=/var/home KUBECONFIG=/etc/kubernetes/admin.conf \
    bash -c 'cd "$0" 2>/dev/null; exec "$@"' "$PWD" "$@"
}
