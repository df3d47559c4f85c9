set -eu
# A hierarchy of the test's own has a real release_agent that is nobody else's; without cgroup v1, a file of its name.
mkdir /tmp/cgroup
mount -t cgroup -o none,name=provoke provoke /tmp/cgroup 2> /dev/null || true
echo > /tmp/cgroup/release_agent
umount /tmp/cgroup 2> /dev/null || true
