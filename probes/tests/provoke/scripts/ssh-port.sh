set -eu
[ -x /usr/bin/ssh ] || { echo "ssh is not installed"; exit 77; }
# An address of nobody's (TEST-NET-1), so that it is an outbound connection to rules.
ip addr add 192.0.2.7/32 dev lo
/bin/nc -l -p 4444 < /dev/null &
until /bin/netstat -ltn | grep -q 4444; do sleep 0.1; done
ssh -p 4444 192.0.2.7 true 2> /dev/null || true
