# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# For scripts that run other tests and report them as KTAP: one top-level line per test program, the
# program's own lines indented under it. tests/run adds the results up. Test programs themselves use
# tests/selftests/lib.sh or cmocka.

tap_n=0
tap_failed=0
exec 4>&1		# where results go, also from within a command substitution

tap_start() { echo "KTAP version 1"; }

# The plan may come last, when the number is known.
tap_end() {
	echo "1..$tap_n"
	[ "$tap_failed" = 0 ]
}

tap_ok() { tap_n=$((tap_n + 1)); echo "ok $tap_n - $*"; }
tap_not_ok() { tap_n=$((tap_n + 1)) tap_failed=$((tap_failed + 1)); echo "not ok $tap_n - $*"; }
tap_skip() { tap_n=$((tap_n + 1)); echo "ok $tap_n - $1 # SKIP $2"; }

# tap_child NAME SECONDS COMMAND...: exit status 0 passed, 4 skipped, anything else failed.
tap_child() {
	tap_name=$1 tap_limit=$2
	shift 2
	tap_status=$(
		{
			{ timeout -k 5 "$tap_limit" "$@" 2>&1 </dev/null 3>&- 4>&-; echo $? >&3; } | sed -u 's/^/  /' >&4
		} 3>&1
	)
	case $tap_status in
	0) tap_ok "$tap_name" ;;
	4) tap_skip "$tap_name" "see its lines" ;;
	124 | 137) tap_not_ok "$tap_name (time limit of $tap_limit s)" ;;
	*) tap_not_ok "$tap_name (exit status $tap_status)" ;;
	esac
}
