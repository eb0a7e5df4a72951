#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The guard of a name server in front of dnsmasq: what is asked by whom is judged by name, and nothing else is in
# the way. The judge is a rule as a model: more than half digits is bad.
#
# timeout: 300
. tests/selftests/lib.sh
needs_bpf
PATH=$PWD/build:$PATH
w=$(mktemp -d)
at_exit 'rm -rf "$w"'
at_exit 'inkling panic >/dev/null 2>&1; inkling panic --release; ip netns del dnscl 2>/dev/null; ip link del dns0 2>/dev/null'
at_exit '[ ! -f "$w/pid" ] || kill "$(cat "$w/pid")"'

plan 46

count() { inkling dns show dns0 --json | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
dig_() { ip netns exec dnscl dig +short +tries=1 +time=2 "$@"; }
asks() { [ "$(dig_ @10.97.0.1 "$@" A)" = 192.0.2.1 ]; }
asks_fails() { ! asks "$@"; }

ip netns add dnscl
ip link add dns0 type veth peer name dnscl0 netns dnscl || skip_all "no veth"
ip addr add 10.97.0.1/24 dev dns0
ip addr add fd97::1/64 dev dns0 nodad
ip link set dns0 up
ip -n dnscl addr add 10.97.0.2/24 dev dnscl0
ip -n dnscl addr add fd97::2/64 dev dnscl0 nodad
ip -n dnscl link set dnscl0 up
dnsmasq --conf-file=/dev/null --no-hosts --no-resolv --address=/#/192.0.2.1 --interface=dns0 --bind-interfaces \
	--user=root --pid-file="$w/pid" --cache-size=0 || skip_all "no dnsmasq"
build/selftests/helper/names "$w/names.ink" || bail_out "no model"
inkling load "$w/names.ink" --slot net.names --mode monitor >/dev/null || bail_out "the model doesn't load"

check_refused "a slot that isn't there" 'no.such' inkling dns attach dns0 --slot no.such
check_refused "an interface that isn't there" 'nope' inkling dns attach nope --slot net.names
check_refused "no slot" '--slot is missing' inkling dns attach dns0
inkling load models/flow.ink --slot net.flow --mode monitor >/dev/null
check_refused "a model of something else" "can't judge names" inkling dns attach dns0 --slot net.flow
inkling unload net.flow >/dev/null
check_refused "detach where nothing is" 'no guard' inkling dns detach dns0
check "attach" inkling dns attach dns0 --slot net.names --allow 4711
check_refused "attach twice" 'already' inkling dns attach dns0 --slot net.names

check "a name" asks www.example.org
check "a bad one in mode monitor" asks 12345678.com
is "it is flagged" "$(count flagged)" 1
is "pass is the action by default, or alert: nothing would be dropped" "$(count would_drop)" 0
inkling set net.names action.digits=drop >/dev/null
sleep 1.1
check "with action drop" asks a.b.12345678.com
is "it would be dropped" "$(count would_drop)" 1
check "bad below a name that isn't" asks 12345678.example.org
check "the part before a country's suffix counts" asks 12345678.co.uk
check "and not what is below it" asks 99999999.example.co.uk
is "two more are flagged: .com, .co.uk" "$(count flagged)" 3
inkling mode net.names enforce >/dev/null
sleep 1.1
check "enforce: a name" asks www.example.org
check "enforce: a bad one gets no answer" asks_fails 12345678.com
check "enforce: in capitals and deep" asks_fails x.y.Z12345678.NET
check "enforce: by TCP" asks_fails +tcp 12345678.com
check "enforce: by TCP, a name" asks +tcp www.example.org
check "enforce: by IPv6" test "$(dig_ @fd97::1 12345678.com A)" != 192.0.2.1
check "enforce: by IPv6, a name" test "$(dig_ @fd97::1 www.example.org A)" = 192.0.2.1
check "the allow-list" asks 4711.com
check "allow" inkling dns allow dns0 12345678
check "it passes now" asks 12345678.com
check "deny" inkling dns deny dns0 12345678
check "and not any more" asks_fails 12345678.com
check_refused "allow: no label" 'no label' inkling dns allow dns0 a.b
check "a name of one label" asks localhost4
check "many names at once" sh -c 'for i in $(seq 200); do echo "www.host-$i.example$i.org A"; done >"$1/many" &&
	test "$(ip netns exec dnscl dig +short +tries=1 +time=2 @10.97.0.1 -f "$1/many" | grep -c 192.0.2.1)" = 200' - "$w"
is "no error of the slot" "$(count unanswered)" 0
is "nothing malformed" "$(count malformed)" 0
like "clients are told" "$(inkling dns show dns0)" '10\.97\.0\.2 .*[1-9]'
like "so are events" "$(inkling dns events dns0)" '12345678 .*dropped'
check "detach" inkling dns detach dns0

# The model that is shipped, as `inkling run` judges the same names, in enforce.
inkling load models/dga.ink --slot net.dga >/dev/null || bail_out "dga doesn't load"
inkling set net.dga action.random=drop action.words=drop >/dev/null
inkling mode net.dga enforce >/dev/null
check "dga may be asked by packets: attach" inkling dns attach dns0 --slot net.dga
check "dga: a name" asks www.example.org
check "dga: one of several words" asks www.stackoverflow.com
check "dga: made-up letters get no answer" asks_fails xqvwkzjhrtgpmxwq.com
check "dga: letters and digits neither" asks_fails k3x9q7v2zr8w1hj5tq0b.net
check "dga: nor what is longer than the model reads" asks_fails qzxjvkwqhgfdtrpmbxczvjkwqhtgprmdxvbnzqkj.org
is "dga: names were scored, and the slot always answered" "$(($(count scored) >= 5)) $(count unanswered)" "1 0"
check "panic takes it off" inkling panic
check "all names pass" asks 12345678.com
done_testing
