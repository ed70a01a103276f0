# fish completion for lxrun and lxtrace

function __lxrun_calls
	lxrun --list-syscalls 2>/dev/null | awk 'NR > 1 {print $2}'
end

for command in lxrun lxtrace
	complete -c $command -s h -l help -d 'Tell the options'
	complete -c $command -s V -l version -d 'Tell the version'
	complete -c $command -l check -d 'Tell what this host offers and what is missing'
	complete -c $command -l list-syscalls -d 'List every system call and its state'
	complete -c $command -l explain -x -a '(__lxrun_calls)' -d 'Show one call on both sides'
	complete -c $command -l cwd -x -a '(__fish_complete_directories)' -d 'Start in a directory'
	complete -c $command -l kill-on-exit -d 'End with the first program'
	complete -c $command -l objects -d 'Print all handles when the program ends'
	complete -c $command -l log -r -d 'Write what goes wrong inside to a file'
	complete -c $command -s E -x -d 'Set or remove a variable'
	complete -c $command -s v -d 'Tell what is refused; in lxtrace do not abbreviate'
	complete -c $command -l trace -d 'Trace every call or those that an expression selects'
	complete -c $command -l nt -d 'Trace the NT services beneath each call'
	complete -c $command -s c -l summary -d 'Count calls, errors and time'
	complete -c $command -s C -d 'Count and trace'
	complete -c $command -s e -x -d 'Select what is traced'
	complete -c $command -s o -r -d 'Write the trace to a file'
	complete -c $command -s s -x -d 'Longest string printed'
	complete -c $command -s a -x -d 'Column of results'
	complete -c $command -s P -r -d 'Calls on a path'
	complete -c $command -s t -d 'Wall clock'
	complete -c $command -s r -d 'Relative time'
	complete -c $command -s T -d 'Time spent in calls'
	complete -c $command -s y -d 'Paths of descriptors'
	complete -c $command -s Y -d 'Program names'
	complete -c $command -s z -d 'Successful calls only'
	complete -c $command -s Z -d 'Failed calls only'
	complete -c $command -s q -d 'Fewer messages'
	complete -c $command -s x -d 'Strings in hexadecimal'
	complete -c $command -s f -d 'Accepted: children are always followed'
	# The program's own completion, behind its name.
	complete -c $command -x -a '(__fish_complete_subcommand)'
end
