set -eu
# The kernel refuses what is no module, after it was asked.
echo none > /tmp/rootkit.ko
! /bin/insmod /tmp/rootkit.ko 2> /dev/null
