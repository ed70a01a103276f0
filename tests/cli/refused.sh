#!/bin/sh
# refused.sh LXRUN REFUSE: a host that refuses a call that lxrun needs is named by --check and by the run, which ends with 125.
# Nothing spins or hangs. Limits that it was started with don't act on its own work, and its guests see them.
set -u
lxrun=$1
refuse=$2
failed=0

fail()
{
	echo "FAILED: $*"
	failed=1
}

# NAME NUMBER: as lxrun names it
check_call()
{
	for error in 1 38; do
		said=$(timeout 20 "$refuse" "$2" $error "$lxrun" --check 2>&1)
		[ $? = 1 ] || fail "--check without $1 ($error): status"
		case $said in *"$1(2)"*) ;; *) fail "--check without $1 ($error): $said" ;; esac
		said=$(timeout 20 "$refuse" "$2" $error "$lxrun" /bin/true 2>&1)
		[ $? = 125 ] || fail "run without $1 ($error): status, $said"
		case $said in *"$1(2)"*) ;; *) fail "run without $1 ($error): $said" ;; esac
	done
}

while read -r name number; do
	check_call "$name" "$number"
done <<CALLS
getrandom 318
process_vm_readv 310
process_vm_writev 311
close_range 436
memfd_create 319
renameat2 316
execveat 322
sendmsg 46
recvmsg 47
socketpair 53
waitid 247
ptrace 101
CALLS

# Names are walked down without openat2.
for error in 1 13 38; do
	said=$(timeout 60 "$refuse" 437 $error "$lxrun" sh -c 'cat /etc/hostname >/dev/null; ls / >/dev/null && echo fine' 2>&1)
	[ "$said" = fine ] || fail "run without openat2 ($error): $said"
	timeout 20 "$refuse" 437 $error "$lxrun" --check 2>&1 | grep -q 'openat2' && fail "--check without openat2 ($error) misses it"
done

# LIMIT PROGRAM...: the same natively and under lxrun
same_under()
{
	limit=$1
	shift
	wanted=$(sh -c "ulimit $limit; exec \"\$@\"" - "$@" 2>&1; echo $?)
	got=$(timeout 20 sh -c "ulimit $limit; exec \"\$@\"" - "$lxrun" "$@" 2>&1; echo $?)
	[ "$wanted" = "$got" ] || fail "ulimit $limit: $*: '$got' instead of '$wanted'"
}

shared='import mmap; m = mmap.mmap(-1, 8 << 20); m[7 << 20] = 1; print("fine")'
same_under '-S -f 10' python3 -c "$shared"
same_under '-S -f 1' sh -c 'ulimit -f; head -c 100000 /dev/zero >big; echo $?; stat -c %s big; rm -f big'
same_under '-S -t 5' sh -c 'ulimit -t'
same_under '-S -l 64' sh -c 'ulimit -l'
exit $failed
