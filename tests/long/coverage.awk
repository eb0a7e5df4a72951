# SPDX-License-Identifier: GPL-2.0-only
#
# Lines of kmod/ that were run, from the text that "gcov -t" prints for any number of objects, of the kernel's and of
# userspace's builds: a line counts as run when one of them ran it. Prints "FILE RUN LINES", and the lines that
# none of them ran into the file given by -v missed=FILE.

function by_file(path)
{
	sub(/^.*\/src\/kmod\//, "kmod/", path)
	sub(/^.*\/\.\//, "", path)
	return path ~ /^kmod\// && path !~ /^kmod\/tests\// ? path : ""
}

# "        -:    0:Source:PATH", then "    COUNT:  LINE:text" for each line; functions and branches aren't asked for.
$2 ~ /^ *0$/ && $3 == "Source" { file = by_file($4); next }

file != "" && $2 ~ /^ *[0-9]+$/ && $1 !~ /-$/ {
	line = $2 + 0
	if (!((file, line) in run)) {
		run[file, line] = 0
		lines[file]++
		text[file, line] = substr($0, length($1) + length($2) + 3)
	}
	if ($1 ~ /^ *[0-9]/ && $1 + 0 > 0 && !run[file, line]) {
		run[file, line] = 1
		ran[file]++
	}
}

END {
	for (file in lines)
		print file, ran[file] + 0, lines[file]
	if (missed != "")
		for (key in run)
			if (!run[key]) {
				split(key, part, SUBSEP)
				printf "%s:%d:%s\n", part[1], part[2], text[key] | ("sort -t: -k1,1 -k2,2n >" missed)
			}
}
