#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What the flow hook does to whom: floods in somebody else's name cut nobody off, proven sources are
# blocked as a whole and get free again, XDP and tc alike. The judge is a rule as a model.
#
# timeout: 600
. tests/selftests/lib.sh
needs_bpf
PATH=$PWD/build:$PATH
w=$(mktemp -d)
at_exit 'rm -rf "$w"'
at_exit 'inkling panic >/dev/null 2>&1; inkling panic --release; ip netns del guardcl 2>/dev/null; ip link del guard0 2>/dev/null'
at_exit '[ ! -f "$w/nginx.pid" ] || kill "$(cat "$w/nginx.pid")"'

plan 24

counter() { inkling attach --list guard0 --json | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
client() { ip netns exec guardcl "$@"; }
get() { client curl -s -o /dev/null --max-time "${2:-10}" --interface "$1" http://10.98.0.1/; }
flood_as() { client hping3 -q -n -c "$2" -i u300 -S -p 80 -a "$1" -I guardcl0 10.98.0.1 >/dev/null 2>&1; }
attach() { inkling attach net guard0 --slot net.guard "$@" >/dev/null; }
rule() { # FEATURE FROM: the slot judges by that from now on
	inkling unload net.guard >/dev/null 2>&1
	build/test/flow/model "$w/$1.ink" "$1" "$2" && inkling load "$w/$1.ink" --slot net.guard --mode enforce &&
		inkling set net.guard action.bad=drop
}

ip netns add guardcl
ip link add guard0 type veth peer name guardcl0 netns guardcl || skip_all "no veth"
ip addr add 10.98.0.1/16 dev guard0
ip link set guard0 up
for a in 2 3 4; do ip -n guardcl addr add 10.98.0.$a/16 dev guardcl0; done
ip -n guardcl link set guardcl0 up
mkdir -p "$w/www" /var/lib/nginx /var/log/nginx
head -c 3000 /dev/zero | tr '\0' x >"$w/www/index.html"
cat >"$w/nginx.conf" <<-CONF
	pid $w/nginx.pid; error_log $w/error.log; worker_processes 1; events { }
	http { access_log off; root $w/www; keepalive_requests 100000; server { listen 80; } }
CONF
chmod 755 "$w" "$w/www"
nginx -c "$w/nginx.conf" || skip_all "no nginx"

# A flood in the name of a friend (.2), of whom nothing was known before, by a rule on half-open connections.
check "a rule on half-open connections" rule src_half_open 20
check "attach, blocking sources" attach --block 60
flood_as 10.98.0.2 300 &
flood=$!
sleep 1.5
check "a flood in his name goes on and is dropped" test "$(counter dropped)" -gt 20
check "the friend gets through all the same" get 10.98.0.2
check "and again" get 10.98.0.2
kill $flood 2>/dev/null
wait $flood
is "no source is blocked for what others sent" "$(counter blocked)" 0
check "by a SYN that was sent again" test "$(counter grace)" -gt 0
check "his flows are proven" test "$(counter proven)" -ge 2
# And of one who is known: what he has open goes on.
client curl -s -o /dev/null --limit-rate 700 --interface 10.98.0.3 http://10.98.0.1/ &
slow=$!
sleep 0.5
flood_as 10.98.0.3 3000
wait $slow
is "what a friend has open survives a flood in his name" $? 0
check "what goes out is counted" test "$(counter packets_out)" -gt 10
inkling detach net guard0

# A source that is proven and bad is blocked as a whole.
check "a rule on completed handshakes" rule src_done 5
for hook in xdp tc; do
	check "$hook: attach, blocking for 4 s" attach --block 4 --hook $hook
	for _ in 1 2 3 4 5 6; do get 10.98.0.4 2; done
	check_fails "$hook: the source is cut off" get 10.98.0.4 2
	check "$hook: the source was blocked" test "$(counter blocked)" -ge 1
	check "$hook: another source isn't" get 10.98.0.2
	inkling allow guard0 --add 10.98.0.4 >/dev/null
	check "$hook: the allow-list wins over a block" get 10.98.0.4
	inkling detach net guard0
done
# A slot that is gone, with the policy turned around.
attach --fail-closed
inkling unload net.guard >/dev/null
check_fails "fail-closed: who can't be judged is dropped" get 10.98.0.3 2
check "fail-closed: is counted as an error" test "$(counter errors)" -gt 0
inkling detach net guard0
rule src_done 1000 >/dev/null && attach
inkling unload net.guard >/dev/null
check "fail-open: he passes" get 10.98.0.3
inkling detach net guard0
done_testing
