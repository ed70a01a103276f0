# perl: files, processes, signals, sockets of no kind.
exec perl -e '
use strict; use warnings;
open(my $f, ">", "x") or die; print $f "line $_\n" for 1..1000; close $f;
open($f, "<", "x") or die; my @l = <$f>; print scalar(@l), "\n";
my $pid = fork; if (!$pid) { exit 5 } waitpid($pid, 0); print $? >> 8, "\n";
my $out = `echo from shell`; print $out;
$SIG{USR1} = sub { print "signal\n" }; kill USR1 => $$;
pipe(my $r, my $w); if (!fork) { close $r; print $w "through pipe\n"; exit } close $w; print <$r>; wait;
print join(",", map { -s $_ } "x"), "\n";
my %h = map { $_ => 1 } 1..10000; print scalar(keys %h), "\n";
rename "x", "y"; print -e "y" ? "renamed\n" : "no\n"; unlink "y";
$! = 2; print "$!\n"; print "$0\n"; printf "%s\n", (stat "/etc/passwd")[2] & 0777;
eval { local $SIG{ALRM} = sub { die "alarm\n" }; alarm 1; sleep 5; }; print $@;
'
