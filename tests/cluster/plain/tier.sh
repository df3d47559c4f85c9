# shellcheck shell=bash
# Sourced by `bed`: the plain tier, processes of whoever calls.
: "${bed:?}" "${module:?}"

requirements() {
  command -v setpriv >/dev/null || cannot "no \`setpriv\` (util-linux)"
}

start() {
  exec setpriv --pdeathsig KILL "$module/plain/init"
}

stop() { kill -TERM "$1"; }

clean_up() { :; }

enter() {
  exec env PATH="$(readlink "$bed/bin"):$PATH" HOME="$bed" KUBECONFIG="$bed/kubernetes/admin.conf" "$@"
}
