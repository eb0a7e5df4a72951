#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs inside of UML, as root, started by init.c: the environment that tests find, the module, the command, and
# when that is done the search for memory that nothing points to any more.
# /run/guest/options holds shell variables and /run/guest/command the command, both written by tests/uml/run.

. /run/guest/options
export PATH=/inkling/build:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LD_LIBRARY_PATH=/inkling/build HOME=/root USER=root LANG=C.UTF-8 TERM=dumb
export SCRATCH=/scratch TMPDIR=/scratch ALLOW_THIS_KERNEL=1 INKLING_UML=1 INKLING_MODULE="$GUEST_KO"
if [ -d /out ]; then export OUT=/out; else unset OUT; fi
unset TOP RUN
cd /inkling || exit 125
. tests/vm/leaks.sh
ln -sfn /proc/self/fd /dev/fd
hostname uml
leaks_later

if [ -n "$GUEST_LOAD" ]; then
	# shellcheck disable=SC2086 # module parameters are words
	insmod "$GUEST_KO" $GUEST_ARGS || exit 125
fi
bash /run/guest/command
status=$?
leaks_now || [ $status != 0 ] || status=123
exit $status
