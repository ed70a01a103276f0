# bash completion for lxrun and lxtrace
_lxrun()
{
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} i
	# behind the program's name its own completion takes over
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--cwd | --log | --explain | -E | -e | -o | -s | -P) ((i++)) ;;
		-*) ;;
		*)
			if declare -F _command_offset >/dev/null; then
				_command_offset "$i"
			fi
			return
			;;
		esac
	done
	case $previous in
	--cwd) COMPREPLY=($(compgen -d -- "$word")) ;;
	--log | -o | -P) COMPREPLY=($(compgen -f -- "$word")) ;;
	--explain) COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" --list-syscalls 2>/dev/null | awk 'NR > 1 {print $2}')" -- "$word")) ;;
	*)
		if [[ $word == -* ]]; then
			COMPREPLY=($(compgen -W "--help --version --check --cwd --kill-on-exit --log --trace --nt --summary
				--list-syscalls --explain --objects -E -v -f -e -o -s -c -C -t -r -T -y -P -z -Z -q -x" -- "$word"))
		else
			COMPREPLY=($(compgen -c -f -- "$word"))
		fi
		;;
	esac
}
complete -F _lxrun lxrun lxtrace
