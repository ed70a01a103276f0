#!/bin/sh
# audited.sh LXAUDIT LXRUN INNOCENT PROGRAM...: under lxaudit no call of a guest's enters the host kernel unless SECURITY.md
# lists it. 77: not root, or a kernel without BPF.
lxaudit=$1
lxrun=$2
innocent=$3
shift 3
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

"$lxaudit" -o report "$lxrun" true 2>reason
if [ $? = 125 ]; then
	cat reason
	exit 77
fi
failed=0
audited=0

# audit STATUS command...: with this status, and nothing that is not listed.
audit()
{
	status=$1
	shift
	timeout 120 "$lxaudit" -o report "$lxrun" "$@" >output 2>&1 </dev/null
	result=$?
	audited=$((audited + 1))
	if grep -q 'NOT LISTED' report || [ $result != "$status" ] || ! grep -q '^stub ' report; then
		echo "FAILED: $*: status $result instead of $status"
		tail -3 output
		grep 'NOT LISTED' report
		failed=1
	fi
}

audit 0 "$innocent"
audit 0 sh -c 'ls /usr/bin | sort | head -3; for i in 1 2 3; do (echo $i) & done; wait'
audit 0 python3 -c '
import threading, mmap, subprocess, tempfile
threads = [threading.Thread(target=lambda: subprocess.run(["true"])) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
with tempfile.TemporaryFile() as f:
    f.write(b"x" * 9000); f.flush()
    m = mmap.mmap(f.fileno(), 0); m[5] = 1; m.flush()
'
audit 0 perl -e 'print scalar(`echo 42`)'
printf 'int main(void) { return 0; }\n' >a.c
command -v cc >/dev/null && audit 0 cc -o a.out a.c
command -v git >/dev/null && audit 0 git init -q repository
command -v sqlite3 >/dev/null && audit 0 sqlite3 base.db 'create table t(x); insert into t values(1); select * from t'
for program; do
	audit 0 "$program"
done
# A report that can't be written is no report: lxaudit says so, and its status does.
"$lxaudit" -o /dev/full "$lxrun" true 2>reason </dev/null
status=$?
if [ $status != 125 ] || ! grep -q '^lxaudit: cannot write /dev/full: No space left on device$' reason; then
	echo "FAILED: a report onto a full disk: status $status"
	cat reason
	failed=1
fi
# Guest tests may differ where they are; what counts is what enters the host.
for program in "$(dirname "$innocent")"/guest_*; do
	[ -x "$program" ] || continue
	timeout 90 "$lxaudit" -o report "$lxrun" "$program" >output 2>&1 </dev/null
	audited=$((audited + 1))
	if grep 'NOT LISTED' report; then
		echo "FAILED: $program"
		failed=1
	fi
done
echo "$audited programs audited"
exit $failed
