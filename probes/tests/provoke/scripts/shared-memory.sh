set -eu
cp /bin/busybox /dev/shm/true
/dev/shm/true
