#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The command line on slots: load, slots, show, mode, set, rollback, promote, unload, score, eval --slot, watch,
# doctor; what each refuses, in which words, with which exit status; JSON of all of them.
#
# timeout: 480
. tests/selftests/lib.sh
PATH=$PWD/build:$PATH
w=$(mktemp -d)
chmod 755 "$w"
at_exit 'rm -rf "$w"'
at_exit 'inkling unload cli.a cli.b cli.c >/dev/null 2>&1'
export INKLING_MODELS="$w"

plan 90

# status NAME WANT COMMAND...: its exit status.
status() {
	ksft_name=$1 ksft_want=$2
	shift 2
	"$@" >"$w/out" 2>&1
	ksft_got=$?
	[ "$ksft_got" = "$ksft_want" ] || diag "$(cat "$w/out")"
	is "$ksft_name" "$ksft_got" "$ksft_want"
}
# field FILTER FILE-OR-JSON: by python, which the guest has
field() { python3 -c 'import json,sys; v=json.loads(sys.argv[2]); print(eval("(" + sys.argv[1] + ")", {"v": v}))' "$1" "$2"; }
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all "$@"; }

check "test models" build/test/cli/images "$w"
python3 - "$w" <<'END'
import random, sys
random.seed(5)
with open(sys.argv[1] + "/rows.csv", "w") as f:
    f.write("rate,protocol,extra,duration,label\n")
    for i in range(3000):
        f.write(f'{random.random() * 10 ** random.randint(0, 6):.3f},'
                f'{random.choice(["tcp", "udp", "icmp", "sctp"])},"x, y",'
                f'{random.randint(-50, 1200)},{random.choice(["benign", "scan", "flood"])}\n')
END

# Before there is a slot.
status "no slots isn't an error" 0 inkling slots
is "no slots, as JSON" "$(inkling slots --json)" "[]"
status "show of no slot" 4 inkling show cli.a
status "unload of no slot" 4 inkling unload cli.a
status "score in no slot" 4 inkling score --slot cli.a a=1
status "load --no-create" 4 inkling load "$w/flow.ink" --slot cli.a --no-create

# Loading.
status "load without a slot" 2 inkling load "$w/flow.ink"
status "a name that can't be" 2 inkling load "$w/flow.ink" --slot 'No/Name'
status "a file that isn't there" 4 inkling load "$w/nope.ink" --slot cli.a
status "a model that is refused" 5 inkling load "$w/broken.ink" --slot cli.a
like "names op and rule" "$(inkling verify "$w/broken.ink")" 'refused: .*99.*rule opcode, op 2'
like "as JSON, too" "$(inkling load "$w/broken.ink" --slot cli.a --json)" '"rule":"opcode".*"op":2'
is "nothing is left of it" "$(inkling slots --json)" "[]"
check "load makes the slot" inkling load "$w/flow.ink" --slot cli.a
j=$(inkling show cli.a --json)
is "in mode monitor" "$(field 'v["mode"]' "$j")" monitor
is "with the model" "$(field 'v["model"]["name"]' "$j")" flow
is "and its digest" "$(field 'v["model"]["digest"]' "$j")" \
	"$(field 'v["digest"]' "$(inkling inspect --json "$w/flow.ink")")"
is "for all contexts that it is fast enough for" "$(field '",".join(v["contexts"])' "$j")" task,softirq,hardirq
is "with its threshold" "$(field 'v["threshold"]' "$j")" 16384
is "no previous" "$(field 'v["previous"]' "$j")" None
j=$(inkling load "$w/flow.ink" --slot cli.a --mode enforce --threshold 0.75 --json)
is "load again" "$(field 'v["generation"], v["created"]' "$j")" "(2, False)"
j=$(inkling show cli.a --json)
is "with mode and threshold" "$(field 'v["mode"], v["threshold"]' "$j")" "('enforce', 24576)"
is "the one before is kept" "$(field 'v["previous"]["generation"]' "$j")" 1
status "another schema" 5 inkling load "$w/recon.ink" --slot cli.a
like "says which" "$(cat "$w/out")" 'schema'
check "a slot for tasks" inkling load "$w/recon.ink" --slot cli.b --contexts task --perm 0701
status "contexts are fixed" 5 inkling load "$w/recon.ink" --slot cli.b --contexts all
check "load --check changes nothing" inkling load "$w/flow.ink" --slot cli.c --check
status "indeed" 4 inkling show cli.c

# Settings.
check "set several" inkling set cli.a threshold=raw:1000 action.scan=drop action.2=pass perm=0750 gid=12 uid=nobody
j=$(inkling show cli.a --json)
is "threshold" "$(field 'v["threshold"]' "$j")" 1000
is "actions" "$(field '[c["action"] for c in v["classes"]]' "$j")" "['pass', 'drop', 'pass']"
is "owner" "$(field 'v["uid"], v["gid"], v["perm"]' "$j")" "(65534, 12, '0750')"
check "the model's threshold again" inkling set cli.a threshold=default uid=0 gid=0 perm=0711
is "is it" "$(field 'v["threshold"]' "$(inkling show cli.a --json)")" 16384
status "a class that isn't one" 2 inkling set cli.a action.worm=drop
like "says which there are" "$(cat "$w/out")" 'benign, scan, flood'
status "a probability for an anomaly" 2 inkling set cli.b threshold=0.5
status "a setting that isn't one" 2 inkling set cli.a colour=red
status "a mode that isn't one" 2 inkling mode cli.a on
check "mode off" inkling mode cli.a off
is "outputs are zero then" "$(field 'v["output"], v["mode"]' \
	"$(inkling score --slot cli.a duration=1 rate=1 protocol=tcp --json --quiet)")" "([0, 0, 0], 'off')"
check "mode monitor" inkling mode cli.a monitor

# Runs: the same bits as in userspace.
inkling score --slot cli.a --data "$w/rows.csv" --quiet --out "$w/kernel.bin"
inkling run "$w/flow.ink" --data "$w/rows.csv" --quiet --out "$w/user.bin"
inkling run "$w/flow.ink" --data "$w/rows.csv" --quiet --out "$w/scalar.bin" --isa scalar
is "3000 outputs" "$(wc -c <"$w/kernel.bin")" 18000
check "kernel and userspace give the same bits" cmp "$w/kernel.bin" "$w/user.bin"
check "so does the scalar code" cmp "$w/kernel.bin" "$w/scalar.bin"
inkling score --slot cli.a --data "$w/rows.csv" --json | sed 's/,"action.*//' >"$w/kernel.json"
inkling run "$w/flow.ink" --data "$w/rows.csv" --json | sed 's/,"output.*//' >"$w/user.json"
check "and the same verdicts" cmp "$w/kernel.json" "$w/user.json"
j=$(inkling eval "$w/flow.ink" --data "$w/rows.csv" --label label --slot cli.a --json)
is "eval compares" "$(field 'v["kernel"]["differ"], v["rows"]' "$j")" "(0, 3000)"
status "eval with another model" 5 inkling eval "$w/flow.ink" --data "$w/rows.csv" --label label --slot cli.b
head -c 80 /dev/zero >"$w/raw"
check "raw inputs" inkling score --slot cli.b --input "$w/raw"
head -c 81 /dev/zero >"$w/raw"
status "of a wrong size" 6 inkling score --slot cli.b --input "$w/raw"
j=$(inkling show cli.a --json)
is "runs are counted" "$(field 'v["stats"]["runs"] == sum(c["verdicts"] for c in v["classes"])' "$j")" True
is "one in 64 is timed" "$(field '0 <= sum(v["stats"]["latency"]) - v["stats"]["runs"] // 64 <= 2 and v["stats"]["runs"] >= 9000' "$j")" True
status "mode off can't be evaluated" 5 sh -c "inkling mode cli.a off && inkling eval '$w/flow.ink' \
	--data '$w/rows.csv' --label label --slot cli.a"
inkling mode cli.a monitor >/dev/null

# Rollback.
check "rollback" inkling rollback cli.a
is "to the one before" "$(field 'v["model"]["generation"], v["previous"]["generation"]' \
	"$(inkling show cli.a --json)")" "(1, 2)"
status "nothing to roll back to" 5 inkling rollback cli.b
is "each with its threshold" "$(field 'v["threshold"], v["previous"]["threshold_used"]' \
	"$(inkling show cli.a --json)")" "(16384, 16384)"

# Shadows.
status "a shadow of no slot" 4 inkling load "$w/flow.ink" --slot cli.c --shadow
status "a shadow with a mode" 2 inkling load "$w/flow.ink" --slot cli.a --shadow --mode enforce
status "--sample without --shadow" 2 inkling load "$w/flow.ink" --slot cli.a --sample 4
status "one of 0 runs" 2 inkling load "$w/flow.ink" --slot cli.a --shadow --sample 0
status "a shadow of another schema" 5 inkling load "$w/recon.ink" --slot cli.a --shadow
status "promote without a shadow" 5 inkling promote cli.a
like "says so" "$(cat "$w/out")" 'has no shadow'
j=$(inkling load "$w/flow.ink" --slot cli.a --shadow --sample 2 --threshold 0.75 --json)
is "load a shadow" "$(field 'v["generation"], v["shadow"]' "$j")" "(3, True)"
inkling score --slot cli.a --data "$w/rows.csv" --quiet --out "$w/kernel.bin"
check "outputs stay the same" cmp "$w/kernel.bin" "$w/user.bin"
j=$(inkling show cli.a --json)
is "it is shown, with its threshold" "$(field 'v["shadow"]["model"]["generation"], v["shadow"]["sample"],
	v["shadow"]["model"]["threshold_used"], v["threshold"]' "$j")" "(3, 2, 24576, 16384)"
is "what it repeated adds up" "$(field 'v["shadow"]["runs"] == 3000 and
	abs(v["shadow"]["compared"] + sum(v["shadow"]["skipped"].values()) - 1500) <= 2 and
	sum(map(sum, v["shadow"]["matrix"])) == v["shadow"]["compared"] > 0' "$j")" True
is "only the threshold tells them apart" "$(field 'v["shadow"]["difference"] == 0 and
	0 < v["shadow"]["disagreed"] == sum(row[0] for row in v["shadow"]["matrix"][1:])' "$j")" True
like "in words, too" "$(inkling show cli.a)" '^  repeats +one of 2 runs: [0-9,]+ of 3,000 repeated'
like "and where they disagree" "$(inkling show cli.a)" '^(scan|flood) +benign +[0-9]'
check "promote" inkling promote cli.a
j=$(inkling show cli.a --json)
is "the shadow is the model" "$(field 'v["model"]["generation"], v["threshold"], v["previous"]["generation"],
	v["shadow"]' "$j")" "(3, 24576, 1, None)"
inkling load "$w/flow.ink" --slot cli.a --shadow >/dev/null
check "unload --shadow" inkling unload cli.a --shadow
is "leaves the slot" "$(field 'v["model"]["generation"], v["shadow"]' "$(inkling show cli.a --json)")" "(3, None)"
status "nothing to drop" 5 inkling unload cli.a --shadow

# Others than root: x runs, r sees.
status "nobody may run cli.a" 0 as_nobody build/inkling score --slot cli.a duration=1 rate=1 protocol=tcp
status "but not see it" 3 as_nobody build/inkling show cli.a
status "nor load" 3 as_nobody build/inkling load "$w/flow.ink" --slot cli.new
like "and is told what it takes" "$(cat "$w/out")" 'CAP_BPF and CAP_NET_ADMIN'
status "nor change it" 3 as_nobody build/inkling mode cli.a off
status "nor listen" 3 as_nobody build/inkling watch
inkling set cli.a perm=0700 >/dev/null
status "nor run it when that is taken away" 3 as_nobody build/inkling score --slot cli.a duration=1 rate=1 protocol=tcp

# Watching.
inkling watch --json --quiet --count 7 >"$w/events" &
sleep 1
inkling load "$w/flow.ink" --slot cli.c >/dev/null 2>&1
inkling load "$w/flow.ink" --slot cli.c --shadow >/dev/null
inkling promote cli.c >/dev/null
inkling load "$w/flow.ink" --slot cli.c --shadow >/dev/null
inkling unload cli.c --shadow
inkling unload cli.c
wait_until 10 sh -c "! kill -0 $! 2>/dev/null"
is "watch sees what happens" "$(python3 -c 'import json, sys
print([json.loads(l)["event"] for l in open(sys.argv[1])])' "$w/events")" \
	"['created', 'loaded', 'shadow-loaded', 'promoted', 'shadow-loaded', 'shadow-dropped', 'deleted']"

# doctor: a kernel without type information (UML) is something to mend.
status "doctor" "$([ -e /sys/kernel/btf/vmlinux ] && echo 0 || echo 1)" inkling doctor
sleep 20 3</dev/inkling &
holder=$!
wait_until 10 grep -q sleep "/proc/$holder/comm"
like "doctor says who holds the module" "$(inkling doctor --json)" "process $holder \(sleep\)"
kill "$holder"
check "unload" inkling unload cli.a cli.b
is "nothing is left" "$(inkling slots --json)" "[]"
done_testing
