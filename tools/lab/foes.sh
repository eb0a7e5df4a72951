# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2317 # the caller's variables; called by name
#
# What lives here: what attackers do, a function for each tool. What doesn't: addresses, and how long it may last.
#
# A run has a namespace whose only addresses are its own, so that whatever a tool does comes from them. Each is
# bounded in packets by its arguments or in time by the set (limit=SECONDS).

# Scans
nmap_scan() { nmap -n -Pn --max-retries 1 "$@" "$target"; }
nmap_sweep() { nmap -n --disable-arp-ping "$@" 10.77.0.1-8; }
mass() { # masscan arguments; over several addresses with TO=..
	masscan --adapter foe0 --adapter-ip "$addr" --router-ip $server --wait 2 "$@" "${to:-$server}"
}
mass_sweep() { to=10.77.0.0/29 mass "$@"; }

netcat() { nc -z -n -w 1 "$target" "$1"; } # FIRST-LAST
ports() { # FIRST LAST GAP: by bash
	local i fd
	for ((i = $1; i <= $2; i++)); do
		exec {fd}<>"/dev/tcp/$target/$i" && exec {fd}>&-
		wait_for "$3"
	done 2>/dev/null
}

# Floods; hping3 alone can't hurry, its answers are few
hping() { hping3 -q -n -I foe0 -a "$addr" "$@" $server; }
hping_any() { hping3 -q -n -I foe0 --rand-source "$@" $server; }
# From each address of $from in turn.
spoofed() { # mausezahn arguments
	local mac
	ping -q -c 1 $server >/dev/null
	mac=$(ip neigh show $server dev foe0 | sed -n 's/.*lladdr \([0-9a-f:]*\).*/\1/p')
	mausezahn foe0 -q -A "$from" -B $server -b "$mac" "$@"
}
nping_to() { nping --quiet "$@" "$target"; }
ping_flood() { ping -q -n -f "$@" "$target"; }
# Waits without starting a program.
wait_for() { # SECONDS
	[ -n "${clock-}" ] || exec {clock}<> <(:)
	read -r -t "$1" -u "$clock"
}
# PORT COUNT GAP [LINE]: connections by bash, one after the other, closed at once or after a line that nobody asked for
knock() {
	local i fd
	trap '' PIPE
	for ((i = 0; i < $2; i++)); do
		exec {fd}<>"/dev/tcp/$target/$1" || continue
		[ -z "${4-}" ] || echo "$4" >&"$fd"
		exec {fd}>&-
		wait_for "$3"
	done 2>/dev/null
}
knocks() { # AT-ONCE PORT COUNT GAP [LINE]: as many of it
	local i
	for ((i = 0; i < $1; i++)); do knock "${@:2}" & done
	wait
}
connects() { "$here/../../build/lab/connects" "$@" $server; }
syn6() { # PORT SECONDS: over IPv6
	timeout "$2" atk6-thcsyn6 foe0 $server6 "$1"
}

# Slow attacks on the web server
slowhttp() { slowhttptest "$@"; }
slowloris() { # CONNECTIONS PORT SECONDS: nmap's
	nmap -n -Pn -p "$2" --script http-slowloris --max-parallelism "$1" \
		--script-args "http-slowloris.runforever,http-slowloris.timelimit=${3}s,http-slowloris.send_interval=8s" "$target"
}
# CONNECTIONS EVERY-SECONDS FOR-SECONDS PORT BEGINNING, in which \x20 is a space
trickle() { "$here/../../build/lab/trickle" "${@:1:4}" "$(printf %b "$5")" $server; }
# CONNECTIONS EVERY-SECONDS FOR-SECONDS PORT BEGINNING [GAP]: the same by bash, a letter at a time after the beginning;
# GAP seconds between the openings
drip() {
	local i fd fds=() end=$((SECONDS + $3))
	trap '' PIPE
	for ((i = 0; i < $1; i++)); do
		exec {fd}<>"/dev/tcp/$target/$4" || continue
		fds+=("$fd")
		printf %b "$5" >&"$fd"
		[ -z "${6-}" ] || wait_for "$6"
	done
	while [ $SECONDS -lt $end ]; do
		wait_for "$2"
		for fd in "${fds[@]}"; do printf x >&"$fd"; done
	done 2>/dev/null
}

# Guessed passwords
words() { # COUNT
	seq -f 'guess%.0f' "$1" >words
	printf '%s\n' $user root admin test >users
}
hydra_on() { # COUNT HYDRA-ARGUMENT...
	words "$1"
	hydra -I -l $user -P words "${@:2}"
}
medusa_on() { # COUNT MEDUSA-ARGUMENT...
	words "$1"
	medusa -h "$target" -u $user -P words "${@:2}"
}
ncrack_on() { # COUNT NCRACK-ARGUMENT...
	words "$1"
	ncrack --user $user -P words "${@:2}"
}
guess_ssh() { # COUNT GAP: as a loop in a shell does
	local i
	for ((i = 0; i < $1; i++)); do
		sshpass -p "guess$i" ssh "${by_password[@]}" "$user@$target" true
		wait_for "$2"
	done
}
guess_curl() { # COUNT PER-MINUTE URL [CURL-ARGUMENT...]
	local i args=()
	for ((i = 0; i < $1; i++)); do
		[ ${#args[@]} = 0 ] || args+=(--next)
		args+=(-s -o /dev/null --max-time 60 -u "$user:guess$i" "${@:4}" "$3")
	done
	curl -g --rate "$2/m" "${args[@]}"
}
guess_form() { # COUNT PER-MINUTE
	local i args=()
	for ((i = 0; i < $1; i++)); do
		[ ${#args[@]} = 0 ] || args+=(--next)
		args+=(-s -o /dev/null --max-time 60 -H 'Connection: close' -d "user=$user&pass=guess$i" "http://$url/login")
	done
	curl -g --rate "$2/m" "${args[@]}"
}
