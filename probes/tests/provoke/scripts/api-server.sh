set -eu
# The API server's address, which is nobody's here; that nobody listens does not matter to the rule.
ip addr add 10.96.0.1/32 dev lo
/bin/nc -w 1 10.96.0.1 443 < /dev/null 2> /dev/null || true
