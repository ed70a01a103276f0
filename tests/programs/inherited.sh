# Descriptors, nohup, umask, limits as they are inherited.
umask 077; touch a; stat -c %a a
nohup sh -c 'echo in nohup' 2>/dev/null </dev/null | cat
sh -c 'echo to three >&3' 3>three; cat three
sh -c 'read -r x <&4; echo $x' 4</etc/hostname | wc -l
(ulimit -Sn 77; sh -c 'ulimit -Sn')
sh -c 'kill -TERM $$'; echo $?
sh -c 'trap "" INT; exec sh -c "kill -INT \$\$; echo survived"'
sh -c 'exec 1>&-; echo lost' 2>/dev/null; echo $?
nice -n 3 nice
