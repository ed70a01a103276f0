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
readlinkat 267
setfsuid 122
getgroups 115
dup2 33
fcntl 72
clone 56
pipe2 293
sendmsg 46
recvmsg 47
socketpair 53
waitid 247
ptrace 101
CALLS

# For these the C library knows another way if there is no such call, but not if it is refused.
while read -r name number; do
	said=$(timeout 20 "$refuse" "$number" 1 "$lxrun" /bin/true 2>&1)
	[ $? = 125 ] || fail "run without $name: status, $said"
	case $said in *"$name(2)"*) ;; *) fail "run without $name: $said" ;; esac
	said=$(timeout 60 "$refuse" "$number" 38 "$lxrun" /bin/echo fine 2>&1)
	[ "$said" = fine ] || fail "run where there is no $name: $said"
done <<CALLS
clone3 435
faccessat2 439
CALLS

# What lxrun does without: whatever is refused, the program runs, and --check misses nothing.
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
head -c 100000 /dev/zero >"$work/file"
while read -r name number; do
	for error in 1 13 38; do
		# shellcheck disable=SC2016
		said=$(timeout 60 "$refuse" "$number" $error "$lxrun" sh -c 'cd "$1"; cat /etc/hostname >/dev/null; ls / >/dev/null
			cat file | cat >copy; perl -e "rename q(copy), q(moved)"; stat -c %s moved; rm moved; (exit 3); echo $?' - "$work" 2>&1)
		[ "$said" = "100000
3" ] || fail "run without $name ($error): $said"
		timeout 20 "$refuse" "$number" $error "$lxrun" --check 2>&1 | grep -qF "$name(2)" && fail "--check without $name ($error) misses it"
	done
done <<CALLS
openat2 437
close_range 436
memfd_create 319
renameat2 316
execveat 322
pidfd_open 434
pidfd_getfd 438
preadv2 327
pwritev2 328
CALLS

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
same_under '-f 10' python3 -c "$shared"
zero='import mmap; f = open("/dev/zero", "r+b"); m = mmap.mmap(f.fileno(), 8 << 20); m[7 << 20] = 1; print(m[5], m[7 << 20])'
for limit in 0 1 5 10; do
	same_under "-f $limit" python3 -c "$zero"
	same_under "-f $limit" sh -c 'ulimit -f; head -c 100000 /dev/zero >big; echo $?; stat -c %s big; rm -f big; cat /etc/hostname | wc -c'
done
same_under '-S -t 5' sh -c 'ulimit -t'
same_under '-S -l 64' sh -c 'ulimit -l'
exit $failed
