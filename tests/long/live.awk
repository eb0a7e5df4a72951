# SPDX-License-Identifier: GPL-2.0-only
#
# Compare two CSV files of rows of features, by flow and packet: those of the hook, then those of a capture.

function fail(what) { print what; bad = 1 }
function meets_out(column) {
	return column ~ /_out$|^(progress|turns|refusals)$|^src_(rejected|waiting|refused)/
}
FNR == 1 {
	for (i = 1; i <= NF; i++) {
		col[FILENAME, $i] = i
		if (NR == 1)
			name[i] = $i
	}
	fields = NF
	next
}
{
	flow = $2 "," $3 "," $4 "," $5 "," $6 "," $7
	packet = $(col[FILENAME, "packet"])
	if (packet == 1)
		begun[FILENAME, flow]++
	key = flow "," begun[FILENAME, flow] + 0 "," packet
}
NR == FNR { live[key] = $0; n_live++; next }
{
	n_file++
	if (!(key in live))
		next
	both++
	split(live[key], mine, ",")
	differs = 0
	for (i in name) {
		c = name[i]
		if (!((FILENAME, c) in col) || c == "time_ns" || c ~ /^(class|score|action|mode|label)$/)
			continue
		a = mine[i]
		b = $(col[FILENAME, c])
		if (c ~ /_(us|ms)$/ || c ~ /_rate$/) {
			off = a > b ? a - b : b - a
			room = c ~ /_us$/ ? 20000 : c ~ /_ms$/ ? 20 : 2
			if (off > room && off > (a > b ? a : b) / 10)
				late[c]++
		} else if (a != b) {
			off_by[c]++
			differs = 1
		}
	}
	unequal += differs
}
END {
	printf "%d rows of the hook, %d of the capture, %d in both, %d equal in all that counts\n", n_live, n_file, both, both - unequal
	for (c in off_by) {
		printf "differs: %s in %d rows\n", c, off_by[c]
		if (!meets_out(c) && off_by[c] * 1000 > both)
			fail(c " has nothing to do with what goes out")
	}
	for (c in late) {
		printf "off by more than its room: %s in %d rows\n", c, late[c]
		if (late[c] > both / 100)
			fail(c " isn't the same time")
	}
	if (both < 100)
		fail("too few rows")
	if (both * 1000 < 999 * n_live || both * 1000 < 999 * n_file)
		fail("rows that only one of them has")
	if (unequal * 200 > both)
		fail("rows that aren't equal")
	exit bad
}
