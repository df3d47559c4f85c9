set -eu
# memfd_create, the program into it, and execution by its descriptor: no file is left behind.
perl -e '
  my $name = "payload";
  my $fd = syscall(319, $name, 0);
  open(my $out, ">&=", $fd) or die "memfd_create: $!";
  open(my $in, "<", "/bin/busybox") or die "busybox: $!";
  binmode $_ for $in, $out;
  local $/;
  print {$out} <$in>;
  $out->flush;
  exec { "/proc/self/fd/$fd" } "true" or die "exec: $!"'
