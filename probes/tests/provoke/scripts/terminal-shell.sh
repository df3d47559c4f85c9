set -eu
tty
