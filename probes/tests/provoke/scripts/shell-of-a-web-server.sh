set -eu
# A request to a web server makes its script run a shell.
mkdir -p /www/cgi-bin
cat > /www/cgi-bin/ping <<'SCRIPT'
#!/bin/sh
/bin/sh -c "echo; echo $QUERY_STRING"
SCRIPT
chmod +x /www/cgi-bin/ping
/bin/httpd -f -p 8080 -h /www &
until /bin/wget -q -O - 'http://127.0.0.1:8080/cgi-bin/ping?x'; do sleep 0.1; done
kill $!
