#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The flow hook at the sockets of a cgroup: what a service in it gets is judged, what others get isn't;
# the cgroup may go away; kernels whose programs of cgroups can't call the module say so.
#
# timeout: 360
. tests/selftests/lib.sh
needs_bpf
PATH=$PWD/build:$PATH
w=$(mktemp -d)
group=/sys/fs/cgroup/web.test
at_exit 'rm -rf "$w"'
at_exit 'inkling panic >/dev/null 2>&1; inkling panic --release; ip netns del cgcl 2>/dev/null; ip link del cg0 2>/dev/null'
at_exit 'for p in "$w"/*.pid; do [ ! -f "$p" ] || kill "$(cat "$p")"; done; sleep 0.5; rmdir $group 2>/dev/null'

counter() { inkling attach --list $group --json | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
client() { ip netns exec cgcl "$@"; }
get() { client curl -s -o /dev/null --max-time "${3:-10}" --interface "$1" "http://$2/"; }
attach() { inkling attach net $group --slot net.cg "$@"; }
no_pins() { [ ! -e /sys/fs/bpf/inkling ]; }
serve() { # PORT
	cat >"$w/$1.conf" <<-CONF
		pid $w/$1.pid; error_log $w/error.log; worker_processes 1; events { }
		http { access_log off; root $w/www; server { listen $1; listen [::]:$1; } }
	CONF
	nginx -c "$w/$1.conf"
}

mkdir $group 2>/dev/null || skip_all "no cgroups of version 2"
ip netns add cgcl
ip link add cg0 type veth peer name cgcl0 netns cgcl || skip_all "no veth"
ip addr add 10.97.0.1/24 dev cg0
ip -6 addr add 2001:db8:97::1/64 dev cg0 nodad
ip link set cg0 up
for a in 2 3 4; do ip -n cgcl addr add 10.97.0.$a/24 dev cgcl0; done
ip -n cgcl -6 addr add 2001:db8:97::2/64 dev cgcl0 nodad
ip -n cgcl link set cgcl0 up
mkdir -p "$w/www" /var/lib/nginx /var/log/nginx
head -c 40000 /dev/zero | tr '\0' x >"$w/www/index.html"
chmod 755 "$w" "$w/www"
(echo 0 >$group/cgroup.procs && serve 80) || skip_all "no nginx"
serve 81

build/test/flow/model "$w/rule.ink" src_done 5
inkling load "$w/rule.ink" --slot net.cg --mode enforce >/dev/null
inkling set net.cg action.bad=drop >/dev/null

plan 28
check_refused "no such cgroup" "can't open the cgroup $group.no: No such file" \
	inkling attach net $group.no --slot net.cg
check_refused "a folder that is none" '/tmp is no cgroup' inkling attach net /tmp --slot net.cg
check_refused "options of interfaces" "don't go with a cgroup" attach --hook tc
check_refused "a path that is too long" 'too long a path' inkling attach net "/$(printf '%0200d' 0)" --slot net.cg
check_refused "nothing to detach" 'nothing is attached' inkling detach net $group
check "refusals leave nothing" no_pins
if ! ksft_out=$(attach --block 60 2>&1); then
	like "a kernel that can't: it says since when others can" "$ksft_out" 'Linux 6.4'
	check "and leaves nothing" no_pins
	for _ in $(seq 20); do skip "cgroups" "this kernel's programs of cgroups can't call modules"; done
	done_testing
fi
like "attach" "$ksft_out" "$group: cgroup asks slot net.cg, mode enforce"
check_refused "attach again, with a slash as shells put it" 'already' inkling attach net $group/ --slot net.cg
like "it is listed" "$(inkling attach --list)" "$group +net.cg .* attached"
like "as a cgroup" "$(inkling attach --list $group --json)" "\"cgroup\":\"$group\".*\"hook\":\"cgroup\""

# The service in the group is protected, the one outside isn't looked at.
for _ in 1 2 3 4 5 6; do get 10.97.0.2 10.97.0.1:80 2; done
check_fails "who asks too often is cut off from the service" get 10.97.0.2 10.97.0.1:80 2
check "but not from one outside of the group" get 10.97.0.2 10.97.0.1:81
check "the source was blocked" test "$(counter blocked)" -ge 1
check "packets were dropped" test "$(counter dropped)" -ge 1
check "another source isn't" get 10.97.0.3 10.97.0.1:80
check "IPv6" get 2001:db8:97::2 '[2001:db8:97::1]:80'
check "both ways are seen" test "$(counter packets_out)" -gt 10
is "no packet was malformed" "$(counter malformed)" 0
is "no errors" "$(counter errors)" 0
# By flows: who is blocked may still repeat packets of old ones.
before=$(counter flows)
check "a service outside of the group answers" get 10.97.0.4 10.97.0.1:81
is "what others get isn't seen" "$(counter flows)" "$before"
inkling allow $group/ --add 10.97.0.2 >/dev/null
check "the allow-list wins" get 10.97.0.2 10.97.0.1:80
check "detach" inkling detach net $group/
check "it leaves nothing" no_pins

# Rows as from an interface.
inkling mode net.cg monitor >/dev/null
attach --export >/dev/null
get 10.97.0.4 10.97.0.1:80
inkling events $group --features -o "$w/rows.csv" >/dev/null
like "its rows" "$(cat "$w/rows.csv")" '^[0-9]+,10.97.0.4,[0-9]+,10.97.0.1,80,tcp,,[0-9]+,syn,'

# The group goes away, and comes back.
kill "$(cat "$w/80.pid")"
while [ -e "$w/80.pid" ]; do sleep 0.1; done
for _ in $(seq 150); do rmdir $group 2>/dev/null && break; sleep 0.2; done
# The kernel lets go of it a while later.
for _ in $(seq 60); do inkling attach --list | grep -q ' gone ' && break; sleep 0.2; done
like "a cgroup that is gone" "$(inkling attach --list)" "^$group .* gone"
mkdir $group
check "attach where one of that name was" attach
check "the kill switch" inkling panic
done_testing
