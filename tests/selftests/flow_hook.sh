#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The flow hook on real interfaces: attach and its refusals, monitor and enforce, the allow-list,
# failing open, events, detach. The judge is a rule as a model: bad from six distinct ports on.
#
# timeout: 480
. tests/selftests/lib.sh
needs_bpf
PATH=$PWD/build:$PATH
w=$(mktemp -d)
at_exit 'rm -rf "$w"'
at_exit 'inkling panic >/dev/null 2>&1; inkling panic --release; ip netns del flowcl 2>/dev/null; ip link del flow0 2>/dev/null'

plan 52

counter() { # NAME [TARGET]
	inkling attach --list "${2:-flow0}" --json | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}
client() { ip netns exec flowcl "$@"; }
scan() { client nmap -n -Pn -sS -T5 --max-retries 0 -S "$1" -e flowcl0 -p "$2" 10.99.0.1 >/dev/null 2>&1; }
attach() { inkling attach net flow0 --slot net.test "$@"; }
programs() { bpftool prog show 2>/dev/null | grep -cE ' (xdp|ext)  name (inkling|xdp_disp)'; }
no_pins() { [ ! -e /sys/fs/bpf/inkling ]; }

ip netns add flowcl
ip link add flow0 type veth peer name flowcl0 netns flowcl || skip_all "no veth"
ip addr add 10.99.0.1/24 dev flow0
ip -6 addr add 2001:db8:99::1/64 dev flow0 nodad
ip link set flow0 up
ip -n flowcl addr add 10.99.0.2/24 dev flowcl0
ip -n flowcl addr add 10.99.0.3/24 dev flowcl0
ip -n flowcl -6 addr add 2001:db8:99::2/64 dev flowcl0 nodad
ip -n flowcl link set flowcl0 up

model=build/test/flow/model
$model "$w/rule.ink" src_ports 6
$model "$w/other.ink" src_ports 6 src_rate

# Refusals, each with what to do about it.
check_refused "no such slot" 'net.none' inkling attach net flow0 --slot net.none
inkling load "$w/other.ink" --slot net.other >/dev/null
check_refused "a model with another schema, which feature" '"src_rate" in the program and "renamed"' \
	inkling attach net flow0 --slot net.other --model "$w/other.ink"
check_refused "a model with another schema, without its file" '--model FILE' \
	inkling attach net flow0 --slot net.other
inkling load "$w/rule.ink" --slot net.task --contexts task >/dev/null
check_refused "a slot that packets may not call" 'softirq' inkling attach net flow0 --slot net.task
check "loading the rule" inkling load "$w/rule.ink" --slot net.test --mode monitor
inkling set net.test action.bad=drop >/dev/null
check_refused "no such interface" 'no interface nope0' inkling attach net nope0 --slot net.test
check_refused "no such network namespace" 'network namespace' inkling attach net nons:eth0 --slot net.test
check_refused "an address that isn't one" 'not an address' attach --allow 10.0.0.1/8
check_refused "nothing to detach" 'nothing is attached' inkling detach net flow0
check "refusals leave nothing" no_pins

# Monitor counts, enforce drops, mode off does neither.
check "attach" attach
check_refused "attach again" 'already' attach
like "it is listed" "$(inkling attach --list)" 'flow0 +net.test .* attached'
# What another command has begun to attach has no pins yet.
flock /sys/fs/bpf/inkling sh -c 'mkdir /sys/fs/bpf/inkling/half && sleep 2; rmdir /sys/fs/bpf/inkling/half' &
wait_until 10 test -d /sys/fs/bpf/inkling/half
check "a list waits for who is attaching" inkling attach --list
wait $!
is "through libxdp's dispatcher" "$(counter program_id >/dev/null; inkling attach --list flow0 --json |
	grep -o '"via":"[a-z]*"')" '"via":"dispatcher"'
scan 10.99.0.2 1-40
check "monitor: would drop" test "$(counter would_drop)" -gt 20
is "monitor: drops nothing" "$(counter dropped)" 0
like "events tell who" "$(inkling events flow0)" '10.99.0.2:[0-9]+ > 10.99.0.1:[0-9]+ tcp  bad .* would be dropped'
# What passed here, offline: by the slot and by its model in userspace.
tcpdump -q -Z root -i flow0 -Q in -w "$w/scan.pcap" 2>/dev/null &
dump=$!
sleep 1
scan 10.99.0.2 200-240
sleep 1
kill $dump
wait $dump
offline=$(inkling replay "$w/scan.pcap" --model "$w/rule.ink" --json)
like "replay: flags the scan" "$offline" '"class":"bad","flows":3[0-9]'
is "replay: the slot says what its model says" "$(inkling replay "$w/scan.pcap" --slot net.test --json)" "$offline"
inkling mode net.test enforce >/dev/null
scan 10.99.0.2 41-80
check "enforce: drops" test "$(counter dropped)" -gt 20
check_fails "enforce: the scanner is cut off" client ping -c 2 -W 1 -I 10.99.0.2 10.99.0.1
check "enforce: another source isn't" client ping -c 2 -W 2 -I 10.99.0.3 10.99.0.1
inkling mode net.test monitor >/dev/null
sleep 0.5
check "monitor again: the scanner is back" client ping -c 2 -W 2 -I 10.99.0.2 10.99.0.1
inkling mode net.test off >/dev/null
before=$(counter would_drop)
scan 10.99.0.2 81-120
is "off: nothing is judged" "$(counter would_drop)" "$before"
is "no errors so far" "$(counter errors)" 0

# A slot that goes away fails open.
inkling mode net.test enforce >/dev/null
inkling unload net.test >/dev/null
before=$(counter dropped)
scan 10.99.0.2 121-160
is "deleted slot: everything passes" "$(counter dropped)" "$before"
like "deleted slot: errors are counted" "$(inkling attach --list flow0)" 'errors ENODEV +[1-9]'
inkling load "$w/rule.ink" --slot net.test --mode enforce >/dev/null
inkling set net.test action.bad=drop >/dev/null
scan 10.99.0.2 161-200
like "its name with another id isn't it" "$(inkling attach --list flow0)" 'errors E(STALE|NODEV) +[1-9]'
check "detach" inkling detach net flow0
check "detach leaves no pins" no_pins
is "detach leaves no programs" "$(programs)" 0

# The allow-list wins, also for addresses added while flows are being dropped.
check "attach alone, in generic mode, with an allow-list" attach --via link --xdp-mode skb --allow 10.99.0.2
scan 10.99.0.2 1-40
is "allow-list: drops nothing" "$(counter dropped)" 0
check "allow-list: is counted" test "$(counter allowed)" -gt 20
is "generic mode" "$(inkling attach --list flow0 --json | grep -o '"xdp_mode":"[a-z]*"')" '"xdp_mode":"skb"'
like "allow-list: is shown" "$(inkling allow)" '^10.99.0.2$'
check_refused "allow-list: an entry that isn't there" "isn't on the list" inkling allow flow0 --remove 10.99.0.9
check "allow-list: taken off" inkling allow flow0 --remove 10.99.0.2
inkling mode net.test enforce >/dev/null
scan 10.99.0.2 1-40
check "allow-list: taken off, drops" test "$(counter dropped)" -gt 20
check_fails "allow-list: taken off, the scanner is cut off" client ping -c 2 -W 1 -I 10.99.0.2 10.99.0.1
inkling allow --add 10.99.0.0/24
check "allow-list: back on, he is back at once" client ping -c 1 -W 1 -I 10.99.0.2 10.99.0.1
inkling detach net flow0 >/dev/null

# IPv6 and VLAN, seen by the export of vectors; and the limit of events.
inkling mode net.test monitor >/dev/null
attach --export --event-limit 5 --flows 1024 >/dev/null
vlan=yes
ip link add link flow0 name flow0.7 type vlan id 7 2>"$w/vlan" || ! grep -q 'Unknown device type' "$w/vlan" || vlan=
ip addr add 10.99.7.1/24 dev flow0.7
ip link set flow0.7 up
client ethtool -K flowcl0 tx-vlan-hw-insert off >/dev/null 2>&1
ip -n flowcl link add link flowcl0 name flowcl0.7 type vlan id 7
ip -n flowcl addr add 10.99.7.2/24 dev flowcl0.7
ip -n flowcl link set flowcl0.7 up
client ping -c 1 -W 2 10.99.7.1 >/dev/null
client ping -6 -c 1 -W 2 2001:db8:99::1 >/dev/null
client hping3 -q -c 2000 -i u200 --udp -p 53 -I flowcl0 10.99.0.1 >/dev/null 2>&1
inkling events flow0 --features -o "$w/rows.csv" >/dev/null
if [ -n "$vlan" ]; then
	like "VLAN" "$(cat "$w/rows.csv")" '^[0-9]+,10.99.7.2,[0-9]+,10.99.7.1,2048,icmp,7,1,echo,'
else
	skip "VLAN" "this kernel has none"
fi
like "IPv6" "$(cat "$w/rows.csv")" '^[0-9]+,2001:db8:99::2,[0-9]+,2001:db8:99::1,32768,icmp6,,1,echo,'
check "a full flow table goes on" test "$(counter flows)" -gt 1300
is "a full flow table: nothing refused" "$(counter map_full)" 0
inkling detach net flow0 >/dev/null
attach --event-limit 5 >/dev/null
scan 10.99.0.2 1-100
check "events above the limit are counted" test "$(counter events_limited)" -gt 50
inkling detach net flow0 >/dev/null

# Interfaces of other network namespaces; an interface that goes away; the kill switch.
check "attach in a network namespace" inkling attach net flowcl:flowcl0 --slot net.test --via link
attach --via dispatcher >/dev/null
ip link del flow0
like "an interface that is gone" "$(inkling attach --list)" '^flow0 .* gone'
ip link add flow0 type veth peer name flow1
check "attach where an interface of that name was" attach
ip link del flow0
check "panic" inkling panic
check "panic leaves nothing" sh -c '[ ! -e /sys/fs/bpf/inkling ] && [ "$(bpftool prog show | grep -c " name inkling_flow")" = 0 ]'
done_testing
