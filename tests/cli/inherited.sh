#!/bin/sh
# inherited.sh LXRUN INHERIT: whatever lxrun is started with, the program sees what it sees natively, and nothing of it acts on
# lxrun's own work.
lxrun=$1
inherit=$2
failed=0
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# alike ATTRIBUTE...
alike()
{
	env -i PATH=/usr/bin:/bin timeout 60 "$inherit" "$@" -- "$inherit" show >"$work/wanted" 2>&1 </dev/null
	wanted=$?
	env -i PATH=/usr/bin:/bin timeout 60 "$inherit" "$@" -- "$lxrun" "$inherit" show >"$work/got" 2>&1 </dev/null
	got=$?
	[ $wanted = $got ] && cmp -s "$work/wanted" "$work/got" && return
	echo "FAILED: $*: status $got instead of $wanted"
	diff "$work/wanted" "$work/got" | head -12
	failed=1
}

# No limit on memory that a build for debugging does not fit into, or on descriptors that its shared libraries do not.
for kind in soft hard; do
	for limit in cpu:5 fsize:0 fsize:512 fsize:5000 fsize:65536 stack:1000000 core:0 memlock:0 memlock:65536 sigpending:0 nice:20 \
		rtprio:0 rttime:1000 rss:0 locks:0 msgqueue:0; do
		alike $kind:$limit
	done
done
for limit in data:0 nproc:40 nofile:10; do
	alike soft:$limit
done
for signal in 1 2 13 14 15 17 23 24 25 33 34; do
	alike ignore:$signal
	alike block:$signal
	alike pending:$signal
done
alike pending:34 pending:35 pending:34
alike pending:10 ignore:10
alike alarm:2500
alike alarm:2500 block:14
for timer in 0 1 2; do
	alike timer:$timer:1000
done
alike umask:0777
alike umask:0
alike nice:5
alike nice:-5
for policy in 3 5 1:10 2:10 0x40000000 0x40000001:5; do
	alike policy:$policy
done
for priority in 0x6007 0x4003 0x2001; do
	alike ioprio:$priority
done
alike cpu:0
alike closed:0 closed:1 closed:2
alike closed:0
alike no-environment
alike variable:MALLOC_PERTURB_:55
alike variable:MALLOC_ARENA_MAX:1 variable:GCONV_PATH:/tmp
alike variable:LC_ALL:de_DE.UTF-8 variable:POSIXLY_CORRECT:1
# No new privileges, death signal, subreaper, slack, huge pages, dumpable, securebits
for setting in 38:1 1:15 36:1 29:1 29:1000000 41:1 4:0 28:4 28:0x2f; do
	alike prctl:$setting
done
for personality in 0x40000 0x200000 0x400000 0x20000 0x8000000; do
	alike personality:$personality
done
alike oom_score_adj:500
alike ambient:5
alike group
exit $failed
