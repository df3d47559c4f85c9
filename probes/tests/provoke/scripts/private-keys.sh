set -eu
/bin/find /root -name id_rsa
