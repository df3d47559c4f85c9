set -eu
# A database server that has long started: rules give servers five seconds to read what they need.
cat > /tmp/mysqld <<'SERVER'
#!/bin/sh
sleep 6
read -r line < /etc/shadow
SERVER
chmod +x /tmp/mysqld
/tmp/mysqld
