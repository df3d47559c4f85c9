set -eu
# A server that joins a path of its client's to its root; xargs stands for it.
echo ../../../../etc/passwd | /bin/xargs /bin/cat > /dev/null
