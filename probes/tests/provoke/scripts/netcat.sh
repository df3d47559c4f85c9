set -eu
# A bind shell, and whoever connects to it.
/bin/nc -l -p 4444 -e /bin/sh &
until echo exit | /bin/nc -w 1 127.0.0.1 4444; do sleep 0.1; done
wait
