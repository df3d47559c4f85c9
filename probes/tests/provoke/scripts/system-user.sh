set -eu
# No sshd is there: a script of its name, which gives a user of the system a shell as sshd does. Again and again, as the
# probe looks fifty times a second, and learns the names of a container's users while that is there.
cat > /tmp/sshd <<'SERVER'
#!/bin/sh
/bin/su -s /bin/sh games -c '/bin/id'
SERVER
chmod +x /tmp/sshd
count=0
while [ $count -lt 100 ]; do
	/tmp/sshd
	count=$((count + 1))
done
