#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Process 1 of the VM on its way to systemd (tests/vm/run --systemd): what an earlier boot left in /out/disk.tar is put
# back, as a disk would have kept it, and a unit is made that tells init.c when systemd has come up.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
[ ! -f /out/disk.tar ] || tar -C / -xf /out/disk.tar
mkdir -p /run/systemd/system/multi-user.target.wants
cat >/run/systemd/system/vm-up.service <<-UNIT
	[Unit]
	Description=Say that systemd has come up
	After=multi-user.target
	[Service]
	Type=oneshot
	ExecStart=/bin/touch /run/vm-up
UNIT
ln -s ../vm-up.service /run/systemd/system/multi-user.target.wants/vm-up.service
exec /lib/systemd/systemd
