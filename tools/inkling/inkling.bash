# SPDX-License-Identifier: GPL-2.0-only
# bash completion for inkling: commands and options are asked of the program itself.

_inkling()
{
	local cur prev cmd words

	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	cmd=${COMP_WORDS[1]}
	COMPREPLY=()

	if ((COMP_CWORD == 1)) || { [[ $cmd == help ]] && ((COMP_CWORD == 2)); }; then
		words=$(inkling help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	if [[ $cur == -* ]]; then
		words=$(inkling help "$cmd" 2>/dev/null | sed -n 's/^  \(-[a-z],\|   \) \(--[a-z-]*\).*/\2/p')
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	case $prev in
	--mode | -m)
		mapfile -t COMPREPLY < <(compgen -W "off monitor enforce" -- "$cur")
		return
		;;
	--isa)
		mapfile -t COMPREPLY < <(compgen -W "scalar avx2" -- "$cur")
		return
		;;
	--contexts)
		mapfile -t COMPREPLY < <(compgen -W "task softirq hardirq all" -- "$cur")
		return
		;;
	esac
	case $cmd:$prev in
	*:--slot | show:show | mode:mode | set:set | rollback:rollback | promote:promote | unload:*)
		words=$(inkling slots --quiet 2>/dev/null | awk 'NR > 1 { print $1 }')
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		;;
	attach:xdp | attach:net)
		mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/class/net)" -- "$cur")
		;;
	mode:*)
		mapfile -t COMPREPLY < <(compgen -W "off monitor enforce" -- "$cur")
		;;
	set:*)
		mapfile -t COMPREPLY < <(compgen -W "mode= threshold= action. uid= gid= perm=" -- "$cur")
		compopt -o nospace
		;;
	*)
		compopt -o default
		;;
	esac
}
complete -F _inkling inkling
