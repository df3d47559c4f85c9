set -eu
# No sshd is there: a script of its name, which gives a user of the system a shell as sshd does.
cat > /tmp/sshd <<'SERVER'
#!/bin/sh
/bin/su -s /bin/sh daemon -c '/bin/id'
SERVER
chmod +x /tmp/sshd
/tmp/sshd
