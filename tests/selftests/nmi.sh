#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kfuncs refuse to run in NMIs. "Show backtraces of all CPUs" sends some; what it prints is no trouble.
# dmesg-allow: Call Trace:
exec build/selftests/helper/nmi
