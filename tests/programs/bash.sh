# bash: functions, traps, subshells, process substitution, here-documents, wait, background jobs.
exec bash -s <<'SCRIPT'
f() { local x=$1; [ "$x" -le 1 ] && { echo 1; return; }; echo $((x * $(f $((x - 1))))); }
f 6
trap 'echo exit trap' EXIT
trap 'echo usr1' USR1
kill -USR1 $$
(echo subshell; exit 3); echo $?
diff <(seq 5) <(seq 2 6)
cat <(echo a) <(echo b)
cat <<EOF
here $((1 + 2)) document
EOF
cat <<<"here string"
sleep 0.1 & wait $!; echo waited $?
for i in 1 2 3; do (sleep 0.0$i; exit $i) & pids="$pids $!"; done
for p in $pids; do wait $p; echo $?; done
(kill -TERM $BASHPID); echo $?
set -o pipefail; false | true; echo $?
echo one two | while read -r a b; do echo "$b $a"; done
coproc cat; echo hi >&${COPROC[1]}; read -r line <&${COPROC[0]}; echo "$line"
exec 5>file; echo five >&5; exec 5>&-; cat file
mapfile -t lines < <(seq 3); echo ${#lines[@]}
umask 027; touch masked; stat -c %a masked
ulimit -n 64; ulimit -n
cd /tmp && pwd; cd - >/dev/null
[[ -p /dev/fd/63 ]] || echo no pipe
printf '%(%Y)T\n' 0
SCRIPT
