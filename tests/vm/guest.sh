#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs inside the VM, as root, started by init.c: the environment that tests find, then the command.
# /run/options holds shell variables and /run/command the command, both written by tests/vm/run.

. /run/options
export PATH=/inkling/build:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LD_LIBRARY_PATH=/inkling/build HOME=/root USER=root LANG=C.UTF-8 TERM="${VM_TERM:-dumb}"
export SCRATCH=/scratch TMPDIR=/scratch INKLING_VM=1 INKLING_SLOW="${VM_SLOW:-1}"
[ -d /data ] && export DATA=/data
[ -d /out ] && export OUT=/out
cd /inkling || exit 125
. tests/vm/leaks.sh
ln -sfn /proc/self/fd /dev/fd
hostname vm
leaks_later
ip link set lo up
sysctl -q -w kernel.printk=5 kernel.hung_task_timeout_secs="${VM_HUNG:-60}" net.ipv6.conf.all.accept_dad=0 \
	net.ipv6.conf.default.accept_dad=0 2>/dev/null

# A socket that wants time stamps (SO_TIMESTAMP), for as long as the VM lives: each first and last one makes the kernel
# patch its code on the path of packets, and emulated CPUs may trip over that ("Oops: int3" in netif_rx_internal).
ping -q -i 3600 127.0.0.1 >/dev/null 2>&1 &

if [ -n "$VM_MODULE" ]; then
	# shellcheck disable=SC2086 # module parameters are words
	insmod "/inkling/build/kmod-$(uname -r)/inkling.ko" $VM_MODULE_ARGS || exit 125
fi

if [ -s /run/command ]; then
	[ -e $leaks ] || . /run/command
	sh /run/command
	status=$?
	leaks_now || [ $status != 0 ] || status=123
	exit $status
fi
stty cols "${VM_COLS:-80}" rows "${VM_ROWS:-24}" 2>/dev/null
echo "Inkling VM, Linux $(uname -r): project in /inkling (read-only), scratch space in /scratch; 'exit' ends it."
PS1='vm:\w# ' exec setsid -c -w bash --norc -i
