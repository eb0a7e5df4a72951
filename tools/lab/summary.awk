#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0-only
#
# What tools/lab/summary prints, from SET.runs.csv and the rows of "inkling features".
# Addresses are compared as text, so IPv6 ones as they are written there; ranges by their first three numbers.

function prefix(a) { sub(/\.[0-9]+$/, "", a); return a }
function kind(run) { return label[run] "," tool[run] "," service[run] }

BEGIN { FS = "," }
NR == FNR {
	if (FNR == 1)
		next
	n = split($1, a, " ")
	for (i = 1; i <= n; i++) {
		if (a[i] == "any") {
			anys[++n_any] = FNR
			from[FNR] = $6; to[FNR] = $7 + 2e9
		} else if (sub(/\.0\/24$/, "", a[i])) {
			# Friends' runs of a second time around have the same range.
			if (a[i] in net)
				seen_by[FNR] = net[a[i]]
			else
				net[a[i]] = FNR
		} else
			owner[a[i]] = FNR
	}
	label[FNR] = $2; tool[FNR] = $3; service[FNR] = $4; words[FNR] = $5; address[FNR] = $1
	runs[kind(FNR)]++; label_runs[$2]++
	seconds[FNR] = ($7 - $6) / 1e9
	long[kind(FNR)] += seconds[FNR]
	next
}
FNR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; next }
{
	r = $col["remote"]
	run = r in owner ? owner[r] : prefix(r) in net ? net[prefix(r)] : 0
	for (i = 1; !run && i <= n_any; i++)
		if ($1 >= from[anys[i]] && $1 <= to[anys[i]])
			run = anys[i]
	flow = $2 "," $3 "," $4 "," $5 "," $6 "," $7
	if (!(flow in of))
		flows[run]++
	of[flow] = run
	# Rows are of packets 1, 2, 4, ...: a flow has at least as many as its last row says.
	if ($col["packet"] > packet[flow]) {
		packets[run] += $col["packet"] - packet[flow]
		packet[flow] = $col["packet"]
	}
	if (run && $col["label"] != label[run])
		wrong[run]++
}
END {
	printf "%-8s %-14s %-12s %5s %9s %9s %9s\n", "label", "tool", "service", "runs", "mean s", "flows", "packets>="
	for (run in label) {
		k = kind(run)
		k_flows[k] += flows[run]; k_packets[k] += packets[run]
		l_flows[label[run]] += flows[run]; l_packets[label[run]] += packets[run]
	}
	for (k in runs) {
		split(k, a, ",")
		printf "%-8s %-14s %-12s %5d %9.1f %9d %9d\n", a[1], a[2], a[3], runs[k], long[k] / runs[k],
			k_flows[k], k_packets[k] | "sort"
	}
	close("sort")
	for (l in label_runs)
		printf "%-8s %-14s %-12s %5d %9s %9d %9d\n", l, "all", "", label_runs[l], "", l_flows[l], l_packets[l] | "sort"
	close("sort")
	printf "of no run: %d flows\n", flows[0]
	for (run in label) {
		if (!flows[run] && !flows[seen_by[run]]) { print "no packet came of: " address[run] " " label[run] " " tool[run] " " words[run]; bad = 1 }
		if (wrong[run]) { print "wrong labels: " wrong[run] " rows of " address[run] " " label[run]; bad = 1 }
	}
	exit bad
}
