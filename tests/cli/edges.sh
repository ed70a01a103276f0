#!/bin/sh
# edges.sh LXRUN COMPLETIONS: the command line at its edges. Each case says what must come out and with which status.
lxrun=$1
tools=$2
failed=0
PATH=/usr/local/bin:/usr/bin:/bin
work=$(mktemp -d) || exit 2
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 2

# expect STATUS TEXT command...: the status, and TEXT somewhere in the output ("-": no output at all).
expect()
{
	status=$1
	text=$2
	shift 2
	got=$(timeout 20 "$@" 2>&1 </dev/null)
	result=$?
	case $text in
	-) [ -z "$got" ] ;;
	*) printf '%s\n' "$got" | grep -qF -e "$text" ;;
	esac && [ $result = "$status" ] && return
	echo "FAILED: $*: status $result instead of $status; '$text' expected, got:"
	printf '%s\n' "$got" | head -5
	failed=1
}

# as_shell command...: status and output as a shell's own run of it, but for who complains.
as_shell()
{
	wanted=$(timeout 20 sh -c "$1" 2>/dev/null </dev/null)
	wanted_status=$?
	got=$(timeout 20 "$lxrun" sh -c "$1" 2>/dev/null </dev/null)
	result=$?
	[ "$wanted" = "$got" ] && [ $result = $wanted_status ] && return
	echo "FAILED: sh -c '$1': status $result instead of $wanted_status, output '$got' instead of '$wanted'"
	failed=1
}

printf 'text\n' >text
: >empty
chmod +x empty
cp /bin/true unreadable
chmod 0111 unreadable
printf '#!loop\n' >loop
printf '#!/nonexistent/interpreter\n' >orphan
chmod +x loop orphan
# ELF headers for i386 and ARM, and a linker that is not there
printf '\177ELF\001\001\001\0\0\0\0\0\0\0\0\0\002\0\003\0\001\0\0\0%052d' 0 >i386
printf '\177ELF\001\001\001\0\0\0\0\0\0\0\0\0\002\0\050\0\001\0\0\0%052d' 0 >arm
sed 's|/lib64/ld-linux-x86-64.so.2|/lib64/ld-linux-x86-64.so.9|g' /bin/true >unlinked
chmod +x i386 arm unlinked

expect 127 'not found in PATH' "$lxrun" no-such-program
expect 127 'No such file or directory' "$lxrun" ./no-such-program
expect 127 'not found' "$lxrun" ''
expect 126 'ermission denied' "$lxrun" ./text
expect 126 'is a directory' "$lxrun" "$work"
expect 126 'not an ELF file, and no #! line' "$lxrun" ./empty
expect 126 'built for another machine' "$lxrun" ./i386
expect 126 'built for another machine' "$lxrun" ./arm
expect 126 'too many levels' "$lxrun" ./loop
expect 127 '/nonexistent/interpreter' "$lxrun" ./orphan
expect 127 'dynamic linker' "$lxrun" ./unlinked
expect 125 "unrecognized option '--no-such-option'" "$lxrun" --no-such-option true
expect 125 'no program given' "$lxrun"
expect 125 'requires an argument' "$lxrun" -E
expect 125 'requires an argument' "$lxrun" --cwd
expect 125 'names no variable' "$lxrun" -E =x true
expect 125 'names no variable' "$lxrun" -E '' true
expect 125 'cannot start in /nonexistent' "$lxrun" --cwd /nonexistent true
expect 125 'cannot start in text' "$lxrun" --cwd text true
expect 125 'cannot write the log' "$lxrun" --log /nonexistent/log true
expect 125 'not a string length' "$lxrun" -s many true
expect 125 'nothing is traced' "$lxrun" -o trace true
expect 125 'nothing is traced' "$lxrun" -tt true
expect 125 'one file for each process' "$lxrun" --trace -ff -o trace true
expect 0 'b-none' "$lxrun" -E A=b -E HOME sh -c 'echo $A-${HOME-none}'
expect 0 'c' "$lxrun" -E A=b -E A=c sh -c 'echo $A'
expect 0 '[]' "$lxrun" -E A= sh -c 'echo [$A]'
expect 0 "$work" "$lxrun" --cwd . pwd
expect 0 / "$lxrun" --cwd / pwd
expect 0 - "$lxrun" -- true
expect 42 - "$lxrun" sh -c 'exit 42'
expect 125 'cannot run inside lxrun' "$lxrun" "$lxrun" true
expect 0 'ok        seccomp' "$lxrun" --check
expect 1 'MISSING   nested' "$lxrun" "$lxrun" --check
for action in --help --version --list-syscalls '--explain read' --check; do
	# shellcheck disable=SC2086
	expect 125 'cannot write to standard output' sh -c 'exec "$0" "$@" >/dev/full' "$lxrun" $action
	# shellcheck disable=SC2086
	expect 125 'cannot write to standard output' sh -c 'exec "$0" "$@" >&-' "$lxrun" $action
done
if command -v strace >/dev/null; then
	expect 1 'MISSING   already traced' strace -f -o /dev/null "$lxrun" --check
	expect 0 'note      already traced' strace -o /dev/null "$lxrun" --check
	expect 125 'a tracer that follows children' sh -c 'strace -f -o /dev/null "$0" true' "$lxrun"
	expect 3 - sh -c 'strace -o /dev/null "$0" sh -c "exit 3"' "$lxrun"
fi

# Who speaks is who was called, by its short name, and completions know every long option.
ln -s "$lxrun" lxtrace
expect 125 'lxtrace: cannot write the trace /nosuch/trace' ./lxtrace -o /nosuch/trace true
expect 125 "lxtrace: unrecognized option '--bad'" ./lxtrace --bad
expect 125 "lxtrace: invalid option -- 'Q'" ./lxtrace -Q
for option in $("$lxrun" --help | grep -oE -e '--[a-z][a-z-]+' | sort -u); do
	name=${option#--}
	for completion in "$tools/lxrun.bash" "$tools/_lxrun" "$tools/lxrun.fish"; do
		grep -qE -e "$option\b|-l $name\b" "$completion" && continue
		echo "FAILED: $completion does not know $option"
		failed=1
	done
done

as_shell 'no-such-program'
as_shell './text'
as_shell '.'
as_shell './empty; echo $?'
as_shell './orphan'
as_shell './loop'
as_shell './unlinked'
# EXPECTED.md: who may execute a file but not read it can't run it here.
[ "$(id -u)" -ne 0 ] || as_shell './unreadable; echo $?'
as_shell 'echo x >&-'
as_shell 'echo x >/dev/full'
as_shell 'cat <&-'
as_shell 'cat text >/dev/full'
as_shell 'kill -9 $$'
as_shell 'exec 0<&- 1>&- 2>&-; exit 5'
# Standard streams that are closed when lxrun starts
for closed in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
	wanted=$(sh -c "exec sh -c 'cat; ls /proc/self/fd | wc -l; echo done >&2' $closed" 2>/dev/null)
	wanted_status=$?
	got=$(timeout 20 sh -c "exec \"$lxrun\" sh -c 'cat; ls /proc/self/fd | wc -l; echo done >&2' $closed" 2>/dev/null)
	result=$?
	if [ "$wanted" != "$got" ] || [ $result != $wanted_status ]; then
		echo "FAILED: $closed: status $result instead of $wanted_status, '$got' instead of '$wanted'"
		failed=1
	fi
done
exit $failed
