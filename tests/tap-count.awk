# SPDX-License-Identifier: GPL-2.0-only
#
# Count the results in one KTAP stream: prints "PASSED FAILED SKIPPED" and, to the file given by
# -v failures=FILE, the failed ones. A test program with lines of its own counts by those; one that
# failed beyond them (crash, leak, time limit), or that ran fewer than it planned, counts as a failure.

function fail(text)
{
	failed++
	print phase ": " text >>failures
}

function close_plan(depth)
{
	if (planned[depth] != "" && planned[depth] != ran[depth])
		fail(sprintf("planned %d tests, ran %d%s", planned[depth], ran[depth],
			     depth ? " (in the program named next)" : ""))
	planned[depth] = ""
	ran[depth] = 0
}

{
	depth = match($0, /^  /) ? 1 : 0
	line = $0
	sub(/^ +/, "", line)
	sub(/\r$/, "", line)
}

# The plan may stand before or after its tests; a stream may hold several groups.
line ~ /^1\.\.[0-9]+/ {
	if (planned[depth] != "")
		close_plan(depth)
	split(line, part, /\.\.| /)
	planned[depth] = part[2] + 0
	if (ran[depth] > 0)
		close_plan(depth)
	else if (planned[depth] == 0 && depth == 0)
		skipped++
}

line ~ /^Bail out!/ { fail(line) }

line ~ /^(not )?ok([ \t]|$)/ {
	skip = line ~ /# *[Ss][Kk][Ii][Pp]/	# cmocka says "not ok 3 # SKIP name"
	bad = line ~ /^not ok/ && !skip
	ran[depth]++
	if (depth == 1) {
		subs++
		if (bad) {
			fail(line)
			sub_failed++
		} else if (skip)
			skipped++
		else
			passed++
	} else {
		before = failed
		close_plan(1)
		if (bad && !sub_failed && failed == before)
			fail(line)
		else if (!bad && !subs)
			skip ? skipped++ : passed++
		subs = sub_failed = 0
	}
}

END {
	close_plan(0)
	print passed + 0, failed + 0, skipped + 0
}
