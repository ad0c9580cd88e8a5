# bash completion for bulkhead.
#
# Asks the program itself: its verbs, options and their arguments are read from
# --help, so what is offered is what that version understands.

# The lines of --help under a heading, or the verbs of the first screen.
_bulkhead_verbs() {
	bulkhead --help 2>/dev/null | sed -n 's/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p'
}

# One option a line: "-p --policy FILE", the parts that there are.
_bulkhead_options() {
	bulkhead "$@" --help 2>/dev/null |
		sed -n '/^options:/,$ s/^  \(-[a-zA-Z]\)\{0,1\},\{0,1\} *\(--[a-z0-9-]*\)\( [^ ]*\)\{0,1\}  *.*/\1 \2\3/p'
}

# Words that the usage line offers: "hosts|conversations|shares".
_bulkhead_words() {
	bulkhead "$@" --help 2>/dev/null | sed -n '1s/[][]/ /gp' |
		tr ' ' '\n' | grep -E '^[a-z]+(\|[a-z]+)+$' | tr '|' '\n'
}

_bulkhead() {
	local cur prev words cword i
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()

	# The verb: one word, or two ("policy check").
	local first="" second="" verb=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) ;;
		*) if [[ -z $first ]]; then first=${COMP_WORDS[i]}; elif [[ -z $second ]]; then second=${COMP_WORDS[i]}; fi ;;
		esac
	done
	local verbs
	verbs=$(_bulkhead_verbs)
	if [[ -z $first ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(cut -d ' ' -f 1 <<<"$verbs" | sort -u) --help --version" -- "$cur")
		return
	fi
	if grep -q "^$first [a-z]" <<<"$verbs"; then
		if [[ -z $second ]] && ! grep -qx -- "$first" <<<"$verbs"; then
			mapfile -t COMPREPLY < <(compgen -W "$(sed -n "s/^$first //p" <<<"$verbs")" -- "$cur")
			return
		fi
		grep -qx -- "$first $second" <<<"$verbs" && verb=("$first" "$second")
	fi
	if [[ ${#verb[@]} -eq 0 ]]; then
		grep -qx -- "$first" <<<"$verbs" || return 0
		verb=("$first")
	fi

	local options argument=""
	options=$(_bulkhead_options "${verb[@]}")
	if [[ $prev == -* ]]; then
		argument=$(awk -v o="$prev" '{ for (i = 1; i <= NF; i++) if ($i == o && $NF !~ /^-/) print $NF }' <<<"$options")
	fi
	case $argument in
	FILE | PATH | DIR | HOSTSFILE)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
		return
		;;
	IFACE)
		mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/class/net 2>/dev/null)" -- "$cur")
		return
		;;
	WHEN)
		mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur")
		return
		;;
	?*) return 0 ;;
	esac

	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(tr ' ' '\n' <<<"$options" | grep '^-' | sort -u)" -- "$cur")
		return
	fi
	local offered
	offered=$(_bulkhead_words "${verb[@]}")
	if [[ -n $offered ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
	fi
}
complete -F _bulkhead bulkhead
