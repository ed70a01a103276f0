#!/bin/sh
# places.sh LXRUN: started in odd directories and with directories as descriptors, a program sees what it sees natively.
lxrun=$1
failed=0
PATH=/usr/local/bin:/usr/bin:/bin
work=$(mktemp -d) || exit 2
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 2

# alike BEFORE COMMAND: a shell does BEFORE, and then has COMMAND run by another, natively and under lxrun.
alike()
{
	rm -rf "$work/place"
	wanted=$(mkdir "$work/place" && cd "$work/place" && timeout 20 sh -c "$1 exec sh -c '$2'" 2>&1 </dev/null)
	wanted_status=$?
	rm -rf "$work/place"
	got=$(mkdir "$work/place" && cd "$work/place" && timeout 20 sh -c "$1 exec \"\$0\" sh -c '$2'" "$lxrun" 2>&1 </dev/null)
	result=$?
	[ "$wanted" = "$got" ] && [ $result = $wanted_status ] && return
	printf 'FAILED: %s %s: status %d instead of %d, output\n%s\ninstead of\n%s\n' "$1" "$2" $result $wanted_status "$got" "$wanted"
	failed=1
}

show='/bin/pwd; ls -a; echo made >file && cat file; ls -d ..; cd -P ..; /bin/pwd'
alike 'mkdir gone; cd gone; rmdir ../gone;' "$show"
alike 'mkdir -p gone/in; cd gone/in; rm -r ../../gone;' "$show"
alike 'mkdir old; cd old; mv ../old ../new;' "$show"
alike 'mkdir old; cd old; mv ../old ../new; mkdir ../old; touch ../old/other;' "$show"
# Its user may not search what lies above it, nor, then, itself.
alike 'mkdir -p closed/in; cd closed/in; chmod 0 ..; trap "chmod 700 .." EXIT;' '/bin/pwd; ls -a; cat ../x; stat -c %F .; chmod 700 ..'
alike 'mkdir in; cd in; chmod 0 .;' 'ls; cat x; /bin/pwd; chmod 700 ../in'
alike 'cd /;' '/bin/pwd; ls -d proc/self/stat dev/null; cd -P ..; /bin/pwd'
alike 'cd /dev;' '/bin/pwd; ls -d null; cd -P ..; /bin/pwd'
alike 'cd /dev/shm;' '/bin/pwd; cd -P ..; /bin/pwd'
alike 'cd /proc;' '/bin/pwd; ls -d self/stat'

# Directories that are no root, though nothing says by which name they were opened.
inside='ls -A /proc/self/fd/5/ /proc/self/fd/5/proc/ /proc/self/fd/5/dev/; cat /proc/self/fd/5/dev/null'
alike 'mkdir -p d/proc d/dev; touch d/proc/own; echo text >d/dev/null; exec 5<d;' "$inside"
alike 'mkdir -p d/proc d/dev; touch d/proc/own; echo text >d/dev/null; exec 5<d;' 'cd -P /proc/self/fd/5/; /bin/pwd; cd proc; ls; cd -P ../..; ls'
alike 'mkdir -p d/shm; touch d/own; exec 5<d;' 'ls /proc/self/fd/5/.. /proc/self/fd/5/shm/..; cd -P /proc/self/fd/5; cd -P ..; /bin/pwd'
alike 'exec 5</;' 'cd -P /proc/self/fd/5; /bin/pwd; ls -d proc/self/stat dev/null; cd -P ..; /bin/pwd'
alike 'exec 5</dev/shm;' 'cd -P /proc/self/fd/5; /bin/pwd; cd -P ..; /bin/pwd'
alike 'mkdir gone; exec 5<gone; rmdir gone;' 'ls -A /proc/self/fd/5/; cd -P /proc/self/fd/5; /bin/pwd; echo x >x'
exit $failed
