# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # the caller's variables: labels, at_once
#
# What lives here: when each run of a whole set begins. What doesn't: how one is run.
#
# The attacks of each label are spread over LAB_SECONDS, but no more than at_once[label] run at a time. Friends come
# before, during and after them, or else what an attack leaves behind in the tables of the hook would tell the labels
# apart: their lines are spread over that time, too, and played again from new addresses until the attacks have ended,
# and then some more.

LAB_SECONDS=${LAB_SECONDS:-300}		# over which the beginnings of the attacks are spread
LAB_LIMIT=${LAB_LIMIT:-840}			# after which no run begins
LAB_BEFORE=15				# friends alone, at first
LAB_AFTER=10				# friends' runs that begin after the last attack has ended

declare -A queue count next running label_of
started=0 attacks=0 after=0 lost=0 tick=''

# May another run of this label begin now?
may_begin() { # LABEL
	local age=$((SECONDS - started)) n=${count[$1]} i=${next[$1]}
	[ "${running[$1]}" -lt "${at_once[$1]}" ] && [ "$n" -gt 0 ] || return 1
	if [ "$1" != benign ]; then
		[ "$i" -lt "$n" ] && [ $age -ge $((LAB_BEFORE + LAB_SECONDS * i / n)) ]
	elif [ "$i" -lt "$n" ] || [ $attacks -gt 0 ]; then
		[ $age -ge $(((LAB_BEFORE + LAB_SECONDS) * (i - 2) / n)) ]
	else
		[ $after -lt $LAB_AFTER ] && after=$((after + 1))
	fi
}

begin() { # LABEL
	local words i=${next[$1]}
	read -ra words <<<"${queue[$1,$((i % count[$1]))]}"
	next[$1]=$((i + 1))
	running[$1]=$((running[$1] + 1))
	play_line "$i" "${words[@]}" &
	label_of[$!]=$1
}

begin_all() {
	local label
	for label in "${labels[@]}"; do
		while [ $((SECONDS - started)) -lt "$LAB_LIMIT" ] && may_begin "$label"; do
			begin "$label"
		done
	done
}

# Return: whether something is still running, once a run has ended or a second has passed.
await() {
	local pid label
	[ ${#label_of[@]} -gt 0 ] || [ $attacks -gt 0 ] || [ "${next[benign]}" -lt "${count[benign]}" ] || return 1
	# One clock at a time: each run that ends would leave another one ticking.
	[ -n "$tick" ] || { sleep 1 & tick=$!; }
	wait -n -p pid || lost=$((lost + 1))
	[ "$pid" != "$tick" ] || { tick=''; return 0; }
	label=${label_of[$pid]}
	unset "label_of[$pid]"
	running[$label]=$((running[$label] - 1))
	[ "$label" = benign ] || attacks=$((attacks - 1))
	return 0
}

play_all() { # SET
	local label words left=0
	for label in "${labels[@]}"; do count[$label]=0 next[$label]=0 running[$label]=0; done
	while read -r words; do
		label=${words%% *}
		[ -n "${count[$label]-}" ] || { echo "play: $1.set has no label '$label'" >&2; exit 2; }
		queue[$label,${count[$label]}]=$words
		count[$label]=$((count[$label] + 1))
		[ "$label" = benign ] || attacks=$((attacks + 1))
	done < <(lines_of "$1" | shuf --random-source=<(yes "$1"))
	started=$SECONDS
	while begin_all; await; do
		[ $((SECONDS - started)) -lt "$LAB_LIMIT" ] || [ ${#label_of[@]} -gt 0 ] || break
	done
	for label in "${labels[@]}"; do
		[ "${next[$label]}" -ge "${count[$label]}" ] || left=$((left + count[$label] - next[$label]))
	done
	echo "play: set $1 took $((SECONDS - started)) s"
	[ $lost = 0 ] || { echo "play: $lost runs of set $1 could not be played" >&2; return 1; }
	[ $left = 0 ] || { echo "play: $left runs of set $1 didn't begin within $LAB_LIMIT s" >&2; return 1; }
}
