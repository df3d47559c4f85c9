set -eu
# A reverse shell: the shell's standard streams are a connection.
/bin/nc -l -p 4445 -w 20 > /dev/null &
until /bin/nc -w 1 127.0.0.1 4445 -e /bin/true; do sleep 0.1; done
wait
