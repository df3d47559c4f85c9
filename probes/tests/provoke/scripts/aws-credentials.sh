set -eu
/bin/grep -r aws_secret_access_key /root || true
