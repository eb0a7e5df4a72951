# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# For selftests written in shell: TAP lines, clean-up, the kernel's log and the module. A test starts
# with ". tests/selftests/lib.sh" (the runner's working folder is the project's), says "plan N" first
# and "done_testing" last, and exits 0 (passed), 1 (failed) or 4 (skipped) by that.

ksft_n=0
ksft_failed=0
ksft_skipped=0
ksft_planned=
ksft_cleanup=

plan() { ksft_planned=$1; echo "1..$1"; }

diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

ok() { ksft_n=$((ksft_n + 1)); echo "ok $ksft_n - $*"; }

not_ok() { ksft_n=$((ksft_n + 1)) ksft_failed=$((ksft_failed + 1)); echo "not ok $ksft_n - $*"; }

# skip NAME REASON: this one.
skip() { ksft_n=$((ksft_n + 1)) ksft_skipped=$((ksft_skipped + 1)); echo "ok $ksft_n - $1 # SKIP $2"; }

# skip_all REASON: the whole test, before its plan.
skip_all() { echo "1..0 # SKIP $*"; exit 4; }

# needs_bpf: programs that call the module. UML has none: see st_bpf_possible() in lib/st_bpf.h.
needs_bpf() { [ -e /sys/kernel/btf/vmlinux ] || skip_all "programs can't call modules in this kernel: no BTF"; }

bail_out() { echo "Bail out! $*"; exit 1; }

# check NAME COMMAND...: it succeeds. Its output is shown when it doesn't.
check() {
	ksft_name=$1
	shift
	if ksft_out=$("$@" 2>&1); then
		ok "$ksft_name"
	else
		diag "exit status $? of: $*"
		[ -z "$ksft_out" ] || diag "$ksft_out"
		not_ok "$ksft_name"
		return 1
	fi
}

# check_fails NAME COMMAND...: it fails, but isn't killed by a signal.
check_fails() {
	ksft_name=$1
	shift
	ksft_out=$("$@" 2>&1)
	ksft_status=$?
	if [ "$ksft_status" -gt 0 ] && [ "$ksft_status" -lt 124 ]; then
		ok "$ksft_name"
	else
		diag "exit status $ksft_status of: $*"
		[ -z "$ksft_out" ] || diag "$ksft_out"
		not_ok "$ksft_name"
		return 1
	fi
}

# check_refused NAME REGEX COMMAND...: it fails and says a line that matches.
check_refused() {
	ksft_name=$1 ksft_regex=$2
	shift 2
	ksft_out=$("$@" 2>&1)
	ksft_status=$?
	if [ "$ksft_status" -gt 0 ] && [ "$ksft_status" -lt 124 ] &&
		printf '%s\n' "$ksft_out" | grep -qE -- "$ksft_regex"; then
		ok "$ksft_name"
	else
		diag "exit status $ksft_status of: $*" "(expected: failure with '$ksft_regex')"
		[ -z "$ksft_out" ] || diag "$ksft_out"
		not_ok "$ksft_name"
		return 1
	fi
}

# is NAME GOT WANT: two strings are equal.
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		diag "got:  $2"
		diag "want: $3"
		not_ok "$1"
		return 1
	fi
}

# like NAME TEXT REGEX: a line of the text matches.
like() {
	if printf '%s\n' "$2" | grep -qE -- "$3"; then
		ok "$1"
	else
		diag "no line matches '$3' in:"
		diag "$2"
		not_ok "$1"
		return 1
	fi
}

# at_exit COMMAND: run when the test ends, the last one first.
at_exit() { ksft_cleanup="$1
$ksft_cleanup"; }

# wait_until SECONDS COMMAND...: until it succeeds; fails if it doesn't in time, which is longer in a slow kernel.
wait_until() {
	ksft_tries=$(($1 * 10 * ${INKLING_SLOW:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		ksft_tries=$((ksft_tries - 1))
		[ "$ksft_tries" -gt 0 ] || return 1
		sleep 0.1
	done
}

# The kernel's log: dmesg_mark sets a mark, dmesg_since prints what came after it.
dmesg_mark() {
	ksft_mark="ksft-mark-$$-$(cut -d' ' -f1 /proc/uptime)"
	echo "$ksft_mark" >/dev/kmsg
}

dmesg_since() { dmesg | sed -n "/$ksft_mark/,\$p" | sed 1d; }

# dmesg_has NAME REGEX: a line since the mark matches.
dmesg_has() { like "$1" "$(dmesg_since)" "$2"; }

# INKLING_MODULE=FILE names another than that of this kernel's version.
module_file() { echo "${INKLING_MODULE:-$PWD/build/kmod-$(uname -r)/inkling.ko}"; }
module_loaded() { [ -d /sys/module/inkling ]; }

# module_load [PARAMETER...]: the module that was built for this kernel, fresh.
module_load() {
	[ -f "$(module_file)" ] || skip_all "no module built for $(uname -r)"
	module_unload && insmod "$(module_file)" "$@"
}

# Work items may hold it for a moment after the last user is gone.
module_unload() { ! module_loaded || wait_until 10 rmmod inkling; }

done_testing() {
	[ -n "$ksft_planned" ] || { ksft_planned=$ksft_n; echo "1..$ksft_n"; }
	[ "$ksft_n" = "$ksft_planned" ] || { diag "planned $ksft_planned tests, ran $ksft_n"; exit 1; }
	[ "$ksft_failed" = 0 ] || exit 1
	[ "$ksft_skipped" -lt "$ksft_n" ] || exit 4
	exit 0
}

ksft_exit() {
	ksft_status=$?
	trap - EXIT
	eval "$ksft_cleanup"
	exit "$ksft_status"
}
trap ksft_exit EXIT
trap 'exit 1' INT TERM HUP
