set -eu
sleep 20 &
# ptrace(PTRACE_ATTACH, …)
perl -e 'syscall(101, 16, $ARGV[0] + 0, 0, 0) == 0 or die "ptrace: $!"' $!
kill -KILL $!
