#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The flow program in this kernel against the same code in userspace, frame by frame: random frames,
# nearly right, and the captures in /data if there are any.
#
# timeout: 480
. tests/selftests/lib.sh
needs_bpf
PATH=$PWD/build:$PATH
w=$(mktemp -d)
at_exit 'rm -rf "$w"'
at_exit 'inkling panic >/dev/null 2>&1; inkling panic --release; ip link del bits0 2>/dev/null'

plan 3
ip link add bits0 type veth peer name bits1 || skip_all "no veth"
build/test/flow/model "$w/rule.ink" src_ports 12
inkling load "$w/rule.ink" --slot net.bits --mode monitor >/dev/null
inkling set net.bits action.bad=drop >/dev/null
for mode in off monitor enforce; do
	inkling mode net.bits $mode >/dev/null
	inkling attach net bits0 --slot net.bits --via link --export --test-clock --block 5 >/dev/null
	# shellcheck disable=SC2046 # a list of files
	check "mode $mode" build/test/flow/exact bits0 "$w/rule.ink" 20000 \
		$(find /data -name '*.pcap' 2>/dev/null | sort)
	diag "$ksft_out"
	inkling detach net bits0 >/dev/null
done
done_testing
