#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# inklingd: slot files are carried out, nothing twice, what is refused stays as it is, and however often it is
# killed the kernel ends as the files say.
#
# timeout: 600
. tests/selftests/lib.sh
needs_bpf
PATH=$PWD/build:$PATH
w=$(mktemp -d)
d=$w/slots.d
at_exit 'rm -rf "$w"'
at_exit 'inkling panic >/dev/null 2>&1; inkling panic --release; ip link del dae0 2>/dev/null; ip link del dae1 2>/dev/null'
at_exit '[ -z "${pid:-}" ] || kill "$pid" 2>/dev/null'
at_exit 'for s in $(inkling slots --json | grep -o "\"name\":\"[a-z.]*\"" | cut -d\" -f4); do inkling unload $s >/dev/null; done'

plan 43

once() { inklingd --slots "$d" --store "$w" --state "$w/state" --once 2>"$w/said"; }
steps() { once | sed -n 's/^\([0-9]*\) steps.*/\1/p'; }
slot() { # NAME KEY: a value of the slot's description
	inkling show "$1" --json 2>/dev/null | grep -o "\"$2\":[^,}]*" | head -n 1 | cut -d: -f2- | tr -d '"'
}
attached() { inkling attach --list --json | grep -c "\"interface\":\"$1\""; }
key() { inkling attach --list "$1" --json | grep -o "\"$2\":[^,}]*" | head -n 1 | cut -d: -f2- | tr -d '"'; }
write() { # NAME LINE...: a slot file, at once as editors do it
	name=$1
	shift
	printf '%s\n' "$@" >"$w/new"
	mv "$w/new" "$d/$name.slot"
}

inkling panic --release
mkdir -p "$d"
chmod 755 "$w" "$d"
ip link add dae0 type veth peer name dae0p || skip_all "no veth"
build/test/flow/model "$w/a.ink" src_ports 6
build/test/flow/model "$w/b.ink" src_ports 9

# From nothing to what a file says, in an order in which nothing is judged wrongly.
write net.one '[slot]' "model=$w/a.ink" 'mode=enforce' 'threshold=0.7' 'action.bad=drop' '[attach]' 'interface=dae0' \
	'allow=192.0.2.0/24' 'block=60'
check "check: the file is fine" inkling check "$d"
like "check --diff: what would be done" "$(inkling check --diff "$d")" '^net.one: attach to dae0'
is "nothing is there yet" "$(slot net.one mode)" ""
check "a first pass" once
is "the slot enforces" "$(slot net.one mode)" enforce
is "with the threshold of the file" "$(slot net.one threshold)" 22938
is "attached" "$(attached dae0)" 1
is "blocking" "$(key dae0 block_seconds)" 60
like "the allow-list" "$(inkling allow dae0)" '192.0.2.0/24'
is "a second pass does nothing" "$(steps)" 0
like "check --diff: nothing" "$(inkling check --diff "$d")" 'nothing would change'

# A change, and only that.
write net.one '[slot]' "model=$w/b.ink" 'mode=monitor' 'threshold=0.7' 'action.bad=drop' '[attach]' 'interface=dae0' \
	'allow=192.0.2.0/24 198.51.100.7' 'block=60'
program=$(key dae0 program_id)
once >/dev/null
like "another model" "$(cat "$w/said")" 'model flow-rule 1 \('
is "another mode" "$(slot net.one mode)" monitor
like "another allow-list" "$(inkling allow dae0)" '198.51.100.7'
is "the program stays where it is" "$(key dae0 program_id)" "$program"
is "and nothing more" "$(steps)" 0

# A file that is refused leaves everything as it is; others go on.
write net.one '[slot]' "model=$w/b.ink" 'mode=enforce' '[attach]' 'interface=dae0' 'flow=5'
write net.two '[slot]' "model=$w/a.ink"
check_fails "a refused file: the pass says so" once
like "which file, line and key" "$(cat "$w/said")" 'net.one.slot:6: flow: is not a key'
is "a refused file: its slot stays" "$(slot net.one mode)" monitor
is "a refused file: attached still" "$(key dae0 program_id)" "$program"
is "another file is carried out" "$(slot net.two mode)" monitor
write net.three '[slot]' "model=$w/a.ink" '[attach]' 'interface=dae0'
write net.one '[slot]' "model=$w/b.ink" 'mode=monitor' 'threshold=0.7' 'action.bad=drop' '[attach]' 'interface=dae0'
check_fails "two files want one interface" once
like "both are named" "$(cat "$w/said")" 'interface dae0 is wanted by .*net.one.slot too'
is "what there was stays" "$(key dae0 slot)" net.one
rm "$d/net.three.slot"
# What somebody made by hand is left alone; what a file made goes with it.
inkling load "$w/a.ink" --slot by.hand >/dev/null
rm "$d/net.two.slot"
once >/dev/null
is "a file is gone: its slot goes" "$(slot net.two mode)" ""
is "a slot made by hand stays" "$(slot by.hand mode)" monitor
like "and is mentioned" "$(cat "$w/said")" 'by.hand: this slot was made by hand'

# What gets the name of a file that is gone isn't the file's.
write net.two '[slot]' "model=$w/a.ink"
once >/dev/null
inkling unload net.two >/dev/null
rm "$d/net.two.slot"
once >/dev/null
inkling load "$w/a.ink" --slot net.two >/dev/null
once >/dev/null
is "a slot made by hand with the name of an old file stays" "$(slot net.two mode)" monitor

# As a daemon: changes are noticed, also of an interface that comes later.
write net.late '[slot]' "model=$w/a.ink" '[attach]' 'interface=dae1'
inklingd --slots "$d" --store "$w" --state "$w/state" 2>"$w/log" &
pid=$!
check "a missing interface is waited for" wait_until 20 grep -q 'no interface dae1' "$w/log"
check_fails "a second daemon is refused" once
ip link add dae1 type veth peer name dae1p
attached_late() { [ "$(attached dae1)" = 1 ]; }
check "it is attached once it is there" wait_until 20 attached_late
write net.late '[slot]' "model=$w/a.ink" 'mode=enforce' '[attach]' 'interface=dae1'
late_enforces() { [ "$(slot net.late mode)" = enforce ]; }
check "a change of a file is noticed" wait_until 20 late_enforces
inkling mode net.late monitor >/dev/null
sleep 6
is "what is changed by hand holds" "$(slot net.late mode)" monitor
kill -HUP $pid
check "until the files are asked for" wait_until 20 late_enforces
# The module goes and comes back; the kill switch holds.
inkling panic >/dev/null
sleep 6
is "it keeps no descriptors of programs" "$(readlink /proc/$pid/fd/* | grep -c bpf)" 0
is "panic: nothing is attached again" "$(attached dae1)" 0
inkling panic --release
check "panic is over: what it kept off comes back" wait_until 20 attached_late
inkling detach --all >/dev/null
check "the module can be unloaded under it" module_unload
sleep 1
insmod "$(module_file)"
check "the module comes back: so does all" wait_until 30 late_enforces
check "and is attached" wait_until 20 attached_late

# Killed at any instant, again and again, while files change; tests/long/turns does it 200 times.
kill -KILL $pid
wait $pid 2>/dev/null
kills=0 end=$(($(date +%s) + 25))
while [ $kills -lt 30 ] && [ "$(date +%s)" -lt $end ]; do
	case $((kills % 3)) in
	0) write net.one '[slot]' "model=$w/a.ink" 'mode=enforce' 'action.bad=drop' '[attach]' 'interface=dae0' ;;
	1) write net.one '[slot]' "model=$w/b.ink" 'mode=monitor' '[attach]' 'interface=dae0' 'block=9' ;;
	2) rm -f "$d/net.one.slot" ;;
	esac
	inklingd --slots "$d" --store "$w" --state "$w/state" 2>/dev/null &
	pid=$!
	sleep "0.$((kills * 37 % 9))$((kills * 13 % 10))"
	kill -KILL $pid
	wait $pid 2>/dev/null
	kills=$((kills + 1))
done
pid=
diag "killed $kills times"
check "killed at least 10 times" test $kills -ge 10
write net.one '[slot]' "model=$w/a.ink" 'mode=enforce' 'action.bad=drop' '[attach]' 'interface=dae0'
once >/dev/null
is "then all is as the files say" "$(slot net.one mode) $(attached dae0) $(slot net.late mode) $(attached dae1)" \
	"enforce 1 enforce 1"
is "and a pass does nothing" "$(steps)" 0
done_testing
