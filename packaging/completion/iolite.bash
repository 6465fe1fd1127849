# SPDX-License-Identifier: Apache-2.0
# Completion of iolite for bash: verbs, options, names of machines, and the commands of their monitors. What there is comes from the
# program's own help. Needs nothing but bash.

# _iolite_verbs PROGRAM
_iolite_verbs() {
	"$1" help 2>/dev/null | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# _iolite_options PROGRAM VERB: those with values end in "="
_iolite_options() {
	"$1" help "$2" 2>/dev/null | sed -n -e 's/^  \(-[A-Za-z], \)\{0,1\}\(--[a-z-]*=\{0,1\}\).*/\2/p'
}

_iolite_machines() {
	local socket
	for socket in "${XDG_RUNTIME_DIR:-/nonexistent}"/iolite/*.sock /run/iolite/*.sock; do
		[ -S "$socket" ] || continue
		socket=${socket##*/}
		printf '%s\n' "${socket%.sock}"
	done
}

_iolite_systems() {
	local socket
	for socket in "${XDG_RUNTIME_DIR:-/nonexistent}"/iolite/*.system /run/iolite/*.system; do
		[ -S "$socket" ] || continue
		socket=${socket##*/}
		printf '%s\n' "${socket%.system}"
	done
}

# _iolite_partitions PROGRAM: of all systems, behind the heading of each
_iolite_partitions() {
	"$1" status 2>/dev/null | sed -n -e '/^PARTITION /d' -e '/ (supervisor /d' -e 's/ .*//p'
}

# _iolite_commands PROGRAM MACHINE: the commands of its monitor, a line each
_iolite_commands() {
	"$1" monitor "$2" help 2>/dev/null | sed -n -e 's/  .*//' -e 's/[][]//g' -e '/^[a-z]/p'
}

# _iolite_words TYPED...: what may follow these words in one of the lines of standard input; there words in capitals
# stand for others, and "a|b" for one of them
_iolite_words() {
	local line words i
	while read -r line; do
		read -r -a words <<<"$line"
		for ((i = 0; i < $#; i++)); do
			[[ "${words[i]-}" == *[A-Z\<]* || "|${words[i]-}|" == *"|${*:i+1:1}|"* ]] || continue 2
		done
		[[ -z "${words[$#]-}" || "${words[$#]}" == *[A-Z\<]* ]] || printf '%s\n' "${words[$#]//|/$'\n'}"
	done
}

# _iolite_offer WORDS CURRENT: into COMPREPLY; a list of bare words, no file names
_iolite_offer() {
	local word
	COMPREPLY=()
	while read -r word; do
		[[ -n $word && $word == "$2"* ]] && COMPREPLY+=("$word")
	done < <(sort -u <<<"$1")
	# the value of an option follows at once
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
	return 0
}

_iolite_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_iolite() {
	local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]-}
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		_iolite_offer "$(_iolite_verbs "$program")" "$current"
	elif [ "$verb" = help ]; then
		_iolite_offer "$(_iolite_verbs "$program")" "$current"
	elif [ "$verb" = monitor ] && [ "$COMP_CWORD" -gt 2 ]; then
		_iolite_offer "$(_iolite_commands "$program" "${COMP_WORDS[2]}" |
			_iolite_words "${COMP_WORDS[@]:3:COMP_CWORD-3}")" "$current"
	elif [[ $current == -* ]]; then
		_iolite_offer "$(_iolite_options "$program" "$verb")" "$current"
	else
		case $verb in
		info | pause | resume | reset | powerdown | stop | stat | monitor)
			case $current in
			*/*) _iolite_files "$current" ;;
			*) _iolite_offer "$(_iolite_machines)" "$current" ;;
			esac
			;;
		start | restart | console) _iolite_offer "$(_iolite_partitions "$program")" "$current" ;;
		down | status) _iolite_offer "$(_iolite_systems)" "$current" ;;
		list | doctor | version) ;;
		*) _iolite_files "$current" ;;
		esac
	fi
}

complete -F _iolite iolite
