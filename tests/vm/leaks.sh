# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# For what runs a command in a kernel that looks for lost memory (kmemleak), of UML and of QEMU: the search, and what
# has to be done before it. What is found is also said in the kernel's log, where the harness sees it.

leaks=/sys/kernel/debug/kmemleak

# When the command is done, and not while it runs.
leaks_later() { [ ! -e $leaks ] || echo scan=off >$leaks; }

# What the module forgot is only without owner when it is gone, and older than five seconds.
leaks_now() { # fails if the module can't be unloaded
	leaks_tries=$((50 * ${INKLING_SLOW:-1}))
	while [ -d /sys/module/inkling ] && ! rmmod inkling 2>/dev/null; do
		leaks_tries=$((leaks_tries - 1))
		[ $leaks_tries -gt 0 ] && sleep 0.2 && continue
		echo "the module can't be unloaded after it: $(cat /sys/module/inkling/refcnt) users" >&2
		return 1
	done
	[ -e $leaks ] || return 0
	echo scan >$leaks
	sleep 5.1
	echo scan >$leaks
	leaks_found=$(cat $leaks)
	[ -z "$leaks_found" ] || printf 'kmemleak found:\n%s\n' "$leaks_found" >&2
}
