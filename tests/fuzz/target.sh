#!/bin/sh
# target.sh FUZZER SOURCE SECONDS: run a libFuzzer program for so long, from well-formed beginnings and a fixed seed.
set -eu
fuzzer=$1 source=$2 seconds=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/corpus"
case $fuzzer in
*elf_headers)
	cp /bin/true /bin/busybox "$work/corpus/" 2>/dev/null || true
	;;
*)
	number=0
	for name in flags ntflags structs status services syscalls; do
		# The first byte says which table it is; a part of it is enough.
		{ printf '%b' "\\0$number"; head -c 6000 "$source/translate/tables/$name.tbl"; } >"$work/corpus/$name"
		number=$((number + 1))
	done
	;;
esac
cd "$work"
if ! "$fuzzer" -seed=1 -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1500 -close_fd_mask=2 corpus >log 2>&1; then
	cat log
	for crash in crash-* timeout-* oom-*; do
		[ ! -e "$crash" ] || { cp "$crash" /tmp/; echo "the input is in /tmp/$crash"; "$fuzzer" "$crash" 2>&1 | head -60; }
	done
	exit 1
fi
