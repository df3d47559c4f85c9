set -eu
echo data > /tmp/disk
/bin/shred -n 1 /tmp/disk
