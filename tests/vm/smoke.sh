#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Inside the VM: what tests rely on is there. The argument is the kernel series that was asked for.
. tests/selftests/lib.sh

plan 9
check "kernel is of the $1 series" expr "$(uname -r)" : "$1\\."
check_fails "the project's tree is read-only" touch /inkling/made-in-vm
check "scratch space is writable" touch "$SCRATCH/x"
check "the root is writable" touch /etc/made-in-vm
tools="bpftool curl ethtool hping3 insmod ip make mount nginx nmap python3 tcpdump tcpreplay"
# shellcheck disable=SC2086 # a list of words
check "tools: $tools" which $tools
check "no network but loopback" sh -c '[ "$(ls /sys/class/net)" = lo ]'
check "modules of this kernel load" modprobe veth
check "namespaces with a veth pair, a server and a client" tests/vm/smoke-web.sh
check "the kernel has BTF" test -s /sys/kernel/btf/vmlinux
done_testing
