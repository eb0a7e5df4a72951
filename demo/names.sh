# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# The part of the demo that guards a name server: dnsmasq behind dns0, a client that looks up well-known names as fast
# as it can, and one that asks for names of a generation algorithm. Sourced by demo/guest.

names_known="wikipedia.org www.debian.org deb.debian.org www.kernel.org lore.kernel.org github.com gitlab.com www.python.org
	pypi.org www.gnu.org www.mozilla.org addons.mozilla.org www.openstreetmap.org tile.openstreetmap.org archive.org
	www.bbc.co.uk www.theguardian.com www.nytimes.com www.reuters.com news.ycombinator.com stackoverflow.com
	www.google.com mail.google.com maps.google.com www.youtube.com www.amazon.com www.ebay.de www.microsoft.com
	update.microsoft.com www.apple.com www.cloudflare.com www.netflix.com www.spotify.com www.twitch.tv www.reddit.com
	www.facebook.com www.instagram.com www.linkedin.com www.whatsapp.com web.telegram.org discord.com zoom.us
	www.dropbox.com www.adobe.com www.oracle.com www.ibm.com www.intel.com www.nvidia.com www.paypal.com www.visa.com
	www.booking.com www.airbnb.com www.lufthansa.com www.bahn.de www.weather.gov www.nasa.gov www.cern.ch ethz.ch
	www.mit.edu www.stanford.edu www.ox.ac.uk www.u-tokyo.ac.jp www.ietf.org www.rfc-editor.org www.iana.org"

# What malware does: a generator of numbers chooses letters, ten to seventeen of them.
names_made() { # HOW_MANY
	awk -v n="$1" 'function next_() { x = (x * 1103515245 + 12345) % 2147483648; return int(x / 65536) }
		BEGIN { x = 20240; split("com net org info biz ru", zone, " ")
		while (n--) { s = ""; for (k = 10 + next_() % 8; k--;) s = s sprintf("%c", 97 + next_() % 26)
			print s "." zone[1 + next_() % 6] } }'
}

names_count() { inkling dns show dns0 --json | number "$1"; }
# Answers to the names of a file, asked by several clients at once.
names_ask() { # FILE TIMES
	local i jobs=()
	for ((i = 0; i < $2; i++)); do
		# dig says so when a name isn't answered, and split would ask no more.
		split -n "l/4" --filter="ip netns exec names dig +short +tries=1 +time=1 @10.78.0.1 -f - || true" "$1" &
		jobs+=($!)
	done
	wait "${jobs[@]}"
}
names_answers() { names_ask "$@" | grep -c '^192\.0\.2\.1$'; }

names_up() {
	ip netns add names
	ip link add dns0 type veth peer name names0 netns names
	ip addr add 10.78.0.1/24 dev dns0
	ip link set dns0 up
	ip -n names addr add 10.78.0.2/24 dev names0
	ip -n names link set names0 up
	dnsmasq --conf-file=/dev/null --no-hosts --no-resolv --address=/#/192.0.2.1 --interface=dns0 --bind-interfaces \
		--user=root --pid-file="$work/dnsmasq.pid" --cache-size=0
	tr -s ' \t' '\n' <<<"$names_known" >"$work/known"
	names_made 120 >"$work/made"
	n_known=$(lines "$work/known") n_made=$(lines "$work/made")
}

names_phase() {
	say "4. A name server (dnsmasq) behind dns0: well-known names at full speed, and $n_made that an algorithm made"
	do_ inkling load models/dga.ink --slot net.dga --mode monitor >/dev/null || exit 1
	inkling set net.dga action.random=drop action.words=drop >/dev/null
	do_ inkling dns attach dns0 --slot net.dga || exit 1
	n_monitor=$(names_answers "$work/known" 4)
	n_wrong=$(names_count would_drop)
	n_answered=$(names_answers "$work/made" 1)
	n_would=$(($(names_count would_drop) - n_wrong))
	do_ inkling mode net.dga enforce
	sleep 1.1
	n_enforce=$(names_answers "$work/known" 4)
	n_got=$(names_answers "$work/made" 1)
	n_silent=$(names_count unanswered)
	printf '   monitor: %s of %s look-ups answered; of the made-up names %s would have been dropped\n' \
		"$n_monitor" $((4 * n_known)) "$n_would"
	printf '   enforce: %s of %s look-ups answered, and %s of %s made-up names\n' \
		"$n_enforce" $((4 * n_known)) "$n_got" "$n_made"
	do_ inkling dns events dns0 | tail -n 3 | sed 's/^/   /'
	do_ inkling dns detach dns0 || failed=1
	do_ inkling unload net.dga || failed=1
}

names_served() { [ "$n_monitor" = $((4 * n_known)) ] && [ "$n_enforce" = "$n_monitor" ] && [ "$n_silent" = 0 ]; }
names_watched() { [ "$n_answered" = "$n_made" ] && [ "$n_would" -gt 0 ]; }

names_down() {
	kill "$(cat "$work/dnsmasq.pid")"
	ip link del dns0
	ip netns del names
}
