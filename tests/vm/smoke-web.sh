#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Inside the VM: a web server here, a client in a network namespace, both ends of a veth pair.
set -e
ip netns add client
ip link add veth0 type veth peer name veth1 netns client
ip addr add 10.9.0.1/24 dev veth0
ip link set veth0 up
ip -n client addr add 10.9.0.2/24 dev veth1
ip -n client link set veth1 up
nginx
ip netns exec client curl -s -S --max-time 20 http://10.9.0.1/ | grep -q nginx
nginx -s quit
