# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2317 # the caller's variables; called by name
#
# What lives here: what friends do, a function for each kind of it. What doesn't: addresses and services.
#
# Each request is counted, and so is each that wasn't answered. Starting a program takes a quarter of a second under
# emulation: a visitor is one curl with many requests. A new name for the server makes curl connect anew.

url=$server target=$server
login=$user:$password
ssh=(-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=60)
by_password=("${ssh[@]}" -o PreferredAuthentications=password -o NumberOfPasswordPrompts=1)
ssh+=(-i "$run/key")

ok() { # COUNT COMMAND...: so many requests
	local n=$1 status=0 lines
	shift
	"$@" || status=$?
	[ $status = 0 ] || echo "$run_addr: status $status: $*" | cut -c1-200 >>"$run/failed"
	printf -v lines '%*s' "$n" ''
	echo -n "${lines// /$'\n'}" >>"$run/requests"
}
get() { ok "$1" curl -sS --fail -g --max-time 120 "${@:2}"; } # COUNT CURL-ARGUMENT...
# Sets urls: COUNT times "-o /dev/null" and an address, of which % is replaced by a number.
many() { # COUNT ADDRESS
	local i
	urls=()
	for ((i = 0; i < $1; i++)); do urls+=(-o /dev/null "${2//%/$i}"); done
}

# Web
visit() { # COUNT FILE PER-MINUTE [PORT]: a connection for each request, at a pace
	many "$1" "http://$url:${4:-80}/$2.html"
	get "$1" --rate "$3/m" -H 'Connection: close' "${urls[@]}"
}
keep() { # COUNT FILE: one connection
	many "$1" "http://$url/$2.html"
	get "$1" "${urls[@]}"
}
poll() { # COUNT FILE PER-MINUTE: asks now and then, on one connection
	many "$1" "http://$url/$2.html"
	get "$1" --rate "$3/m" "${urls[@]}"
}
check_port() { # COUNT GAP PORT: is it open? as load balancers ask
	local i
	for ((i = 0; i < $1; i++)); do
		ok 1 nc -z -n -w 20 "$target" "$3"
		sleep "$2"
	done
}
crowd() { # COUNT FILE PARALLEL: as a browser does
	many "$1" "http://$url:8080/$2.html?%"
	get "$1" -Z --parallel-max "$3" -H 'Connection: close' "${urls[@]}"
}
browse() { # COUNT FILE PER-MINUTE: looks names up first
	many "$1" "http://h%.$id.$site/$2.html"
	get "$1" --rate "$3/m" "${urls[@]}"
}
secure() { # COUNT FILE PER-MINUTE: https, a handshake each
	many "$1" "https://$url/$2.html"
	get "$1" -k --rate "$3/m" -H 'Connection: close' "${urls[@]}"
}
members() { # COUNT PER-MINUTE [mistyped]: pages behind a password
	if [ -n "${3-}" ]; then
		curl -s -o /dev/null --max-time 60 -u "$user:$mistyped" "http://$url/private/16.html"
		sleep 2
	fi
	many "$1" "http://$url/private/16.html"
	get "$1" -u "$login" --rate "$2/m" -H 'Connection: close' "${urls[@]}"
}
form() { # COUNT PER-MINUTE [mistyped]: logs in by a form, then reads
	[ -z "${3-}" ] || { get 1 -o /dev/null -d "user=$user&pass=$mistyped" "http://$url/login" && sleep 2; }
	get 1 -o /dev/null -d "user=$user&pass=$password" "http://$url/login"
	many "$1" "http://$url/16.html"
	get "$1" --rate "$2/m" -H 'Connection: close' "${urls[@]}"
}
slow() { get 1 -o /dev/null --limit-rate "$2" "http://$url/$1.html"; } # FILE RATE
upload() { # KILOBYTES RATE
	head -c "$1k" /dev/zero >up
	get 1 -o /dev/null --limit-rate "$2" -T up "http://$url/upload"
}
mirror() { # COUNT FILE WAIT: wget
	local i urls=()
	for ((i = 0; i < $1; i++)); do urls+=("http://$url/$2.html?$i"); done
	ok "$1" wget -q -O /dev/null --no-http-keep-alive --wait="${3:-0}" --random-wait "${urls[@]}"
}
load() { # COUNT CONCURRENCY FILE OPTION...: ab, a busy proxy or a monitoring system
	ok "$1" ab -q -n "$1" -c "$2" "${@:4}" "http://$url:${port:-80}/$3.html" >ab.out 2>&1
	awk '/^Failed requests/ && $3 > 0 {print "ab", $0}' ab.out >>"$run/failed"
}
secured() { # COUNT CONCURRENCY FILE: https
	ok "$1" ab -q -n "$1" -c "$2" "https://$url/$3.html" >ab.out 2>&1
}
member_load() { # COUNT CONCURRENCY: a program that logs in for each request
	ok "$1" ab -q -n "$1" -c "$2" -A "$login" "http://$url/private/16.html" >ab.out 2>&1
}
form_load() { # COUNT WAIT: the form again and again, as a program without a session does
	local i urls=()
	for ((i = 0; i < $1; i++)); do urls+=("http://$url/login?$i"); done
	ok "$1" wget -q -O /dev/null --no-http-keep-alive --wait="$2" --random-wait \
		--post-data="user=$user&pass=$password" "${urls[@]}"
}
sieged() { # USERS SECONDS DELAY FILE
	mkdir -p .siege
	printf 'verbose = false\nquiet = true\njson_output = false\nshow-logfile = false\nlogging = false\n' >.siege/siege.conf
	ok "$1" siege -R .siege/siege.conf -c "$1" -t "$2S" -d "$3" "http://$url:8080/$4.html" >siege.out 2>&1
}
mistaken() { # COUNT: a wrong port now and then, as people do
	local i
	for ((i = 0; i < $1; i++)); do
		curl -s -o /dev/null --max-time 5 "http://$url:808$((i + 1))/"
		get 1 -o /dev/null "http://$url/1.html"
		sleep 1
	done
}
services() { # COUNT: one host that uses all ports of the web server
	local i
	for ((i = 0; i < $1; i++)); do
		get 3 -o /dev/null "http://$url:80/16.html" -o /dev/null "http://$url:8080/16.html" \
			-o /dev/null "http://$url:8443/1.html"
		ping -q -c 1 "$target" >/dev/null
	done
}

# Many clients: as many addresses, or behind the one of a NAT. One curl speaks for all of them.
clients() { # INTERFACE COUNT REQUESTS PREFIX
	local i j args=()
	for ((i = 1; i <= $2; i++)); do echo "addr add $4.$i/32 dev $1"; done | ip -batch -
	for ((i = 1; i <= $2; i++)); do
		for ((j = 0; j < $3; j++)); do
			[ ${#args[@]} = 0 ] || args+=(--next)
			args+=(-sS --connect-timeout 60 --interface "$4.$i" -o /dev/null "http://$url:8080/$((i % 4 ? 1 : 16)).html")
		done
	done
	ok $(($2 * $3)) curl --no-progress-meter -g -Z --parallel-max 12 "${args[@]}"
}
nat() { # COUNT REQUESTS
	ip link add inside type dummy
	ip link set inside up
	nft -f - <<-RULES
		table ip nat {
			chain post { type nat hook postrouting priority 100;
			oifname foe0 ip saddr 192.168.77.0/24 masquerade; }
		}
	RULES
	clients inside "$1" "$2" 192.168.77
}
people() { clients foe0 "$1" "$2" "${from%.*}"; } # COUNT REQUESTS, with from=NET

# Programs that talk with many hosts, or stay
peers() { # COUNT PARALLEL FILE [DEAD]: many at once, as peers do; of ten, DEAD refuse or don't answer
	local i host good=0 args=()
	for ((i = 0; i < $1; i++)); do
		host=10.77.0.$((1 + (i * 7 + id) % 24))
		if [ $((i * 3 % 10)) -lt "${4:-0}" ]; then
			args+=(-o /dev/null "http://$host:$((6881 + i / 10 % 2))/")
		else
			args+=(-o /dev/null "http://$host:${port:-8080}/$3.html?$i")
			good=$((good + 1))
		fi
	done
	curl -s -g -Z --parallel-max "$2" --connect-timeout 8 --max-time 60 -H 'Connection: close' -w '%{http_code}\n' \
		"${args[@]}" >codes
	ok $good test "$(grep -c 200 codes)" -ge $good
}
lounge() { # CONNECTIONS ROUNDS GAP [PORT]: open connections with several hosts, and a request on each now and then
	local i fd fds=() line answers
	for ((i = 0; i < $1; i++)); do
		exec {fd}<>"/dev/tcp/10.77.0.$((1 + (i + id) % 24))/${4:-80}" || { ok 1 false; return; }
		fds+=("$fd")
	done
	for ((i = 0; i < $2; i++)); do
		answers=0
		for fd in "${fds[@]}"; do
			printf 'HEAD /%s.html HTTP/1.1\r\nHost: x%s\r\nCookie: %s\r\n\r\n' "$i" "$id" "$RANDOM$RANDOM" >&"$fd"
		done
		for fd in "${fds[@]}"; do
			while read -r -t 20 -u "$fd" line; do
				[ "$line" != $'\r' ] || { answers=$((answers + 1)); break; }
			done
		done
		ok "$1" test $answers = "$1"
		sleep "$3"
	done
}
comeback() { # ROUNDS GAP FUNCTION [ARGUMENT...]: does it again after a while
	local i
	for ((i = 0; i < $1; i++)); do
		[ "$i" = 0 ] || sleep "$2"
		"${@:3}"
	done
}
phone() { # CONNECTIONS GAP: an app that wakes: names, then several hosts at once, some of which refuse
	names 1 "$1" 0
	peers_tls "$1" "$1"
	lounge "$1" 2 "$2"
}
peers_tls() { # COUNT PARALLEL: https with several hosts at once
	local i args=()
	for ((i = 0; i < $1; i++)); do args+=(-o /dev/null "https://10.77.0.$((1 + (i * 5 + id) % 24))/1.html?$i"); done
	get "$1" -k -Z --parallel-max "$2" "${args[@]}"
}
gone() { # COUNT GAP PORT: a service that is down: nobody answers, or (6881) the connection is refused
	local i
	for ((i = 0; i < $1; i++)); do
		nc -z -n -w 8 "$target" "$3"
		get 1 -o /dev/null "http://$url/1.html"
		sleep "$2"
	done
}
tell() { # COUNT GAP SIZE [PORT]: datagrams that nobody answers
	local i fd text
	printf -v text '%*s' "$3" ''
	exec {fd}>"/dev/udp/$target/${4:-514}"
	for ((i = 0; i < $1; i++)); do
		ok 1 printf %s "$text" >&"$fd"
		sleep "$2"
	done
}

# Other services
names() { # ROUNDS NAMES GAP: looks names up, of which some don't exist
	local i j
	for ((i = 0; i < $1; i++)); do
		for ((j = 0; j < $2; j++)); do
			case $((j % 5)) in
			4) echo "n$i-$j.nx.test" ;;
			3) echo "txt.lab.test TXT" ;;
			*) echo "n$id-$i-$j.$site" ;;
			esac
		done >names
		ok "$2" dig -f names "@$target" +short +tries=2 >/dev/null
		sleep "$3"
	done
}
shell() { # COUNT GAP [password|mistyped]: ssh sessions with a few commands
	local i by=("${ssh[@]}")
	[ "${3:-key}" = key ] || by=("${by_password[@]}")
	if [ "${3-}" = mistyped ]; then
		sshpass -p "$mistyped" ssh "${by[@]}" "$user@$target" true
	fi
	for ((i = 0; i < $1; i++)); do
		ok 1 sshpass -p "$password" ssh "${by[@]}" "$user@$target" 'ls -l /; sleep 1; id' >/dev/null
		sleep "$2"
	done
}
copy() { # COUNT KILOBYTES: scp there and back
	local i
	head -c "$2k" /dev/zero >file
	for ((i = 0; i < $1; i++)); do
		ok 1 scp -q "${ssh[@]}" file "$user@$url:file-$id"
		ok 1 scp -q "${ssh[@]}" "$user@$url:300k" back
	done
}
inventory() { # COUNT GAP: reads the host keys of all addresses, as a configuration tool does
	local i
	for ((i = 0; i < $1; i++)); do
		ok 8 ssh-keyscan -T 30 -t ed25519 10.77.0.{1..8} >/dev/null 2>&1
		sleep "$2"
	done
}
idle() { ok 1 ssh "${ssh[@]}" -o ServerAliveInterval=10 "$user@$target" "sleep $1"; } # SECONDS: an open session
files() { # LOGINS FILES [mistyped]: ftp, a connection for each login and each file
	local i j urls=()
	[ -z "${3-}" ] || curl -s --max-time 60 -u "$user:$mistyped" "ftp://$url/20k" -o /dev/null
	for ((i = 0; i < $1; i++)); do
		for ((j = 0; j < $2; j++)); do urls+=(-o /dev/null "ftp://f$i.$id.$site/20k"); done
	done
	get $(($1 * $2)) -u "$login" "${urls[@]}"
}
store() { # COUNT KILOBYTES: ftp, the other way
	local i urls=()
	head -c "$2k" /dev/zero >file
	for ((i = 0; i < $1; i++)); do urls+=(-T file "ftp://f$((i / 4)).$id.$site/up-$id-$i"); done
	get "$1" -u "$login" "${urls[@]}"
}
mail() { # COUNT KILOBYTES PER-MINUTE
	local i urls=()
	{ printf 'From: bob@wan.test\r\nSubject: lab\r\n\r\n' && yes 'a line of a letter' | head -c "$2k"; } >letter
	for ((i = 0; i < $1; i++)); do urls+=(-T letter "smtp://m$i.$id.$site/wan.test"); done
	get "$1" --rate "$3/m" --mail-from bob@wan.test --mail-rcpt "$user@lab.test" "${urls[@]}"
}
post() { # COUNT PER-MINUTE [mistyped]: fetches the list of letters by pop3
	[ -z "${3-}" ] || curl -s --max-time 60 -u "$user:$mistyped" "pop3://$url/" -o /dev/null
	many "$1" "pop3://p%.$id.$site/"
	get "$1" -u "$login" --rate "$2/m" "${urls[@]}"
}
bulk() { # iperf3 arguments; one of three servers that is free
	local try
	for try in 0 1 2 3 4 5; do
		iperf3 -c "$target" -p $((5201 + (id + try) % 3)) --connect-timeout 20000 "$@" >iperf.out 2>&1 && break
		sleep 2
	done
	ok 1 test "$try" -lt 5
}
echoes() { ok 1 ping -q -c "$1" -i "$2" -s "$3" "$target" >/dev/null; } # COUNT GAP SIZE
watch() { # ROUNDS GAP: a monitoring system: pings all addresses, asks the web server
	local i
	for ((i = 0; i < $1; i++)); do
		ok 8 fping -q -c 2 -p 300 -t 2000 10.77.0.{1..8} >/dev/null 2>&1
		get 1 -o /dev/null "http://$url/1.html"
		sleep "$2"
	done
}
lines() { # COUNT GAP [CONNECTIONS]: open connections on which something is said now and then, and answered
	local i fd fds=() answer
	for ((i = 0; i < ${3:-1}; i++)); do
		exec {fd}<>"/dev/tcp/$target/7000" || { ok 1 false; return; }
		fds+=("$fd")
	done
	for ((i = 0; i < $1; i++)); do
		for fd in "${fds[@]}"; do
			echo "line $i" >&"$fd"
			read -r -t 20 -u "$fd" answer
			ok 1 test "$answer" = "line $i"
		done
		sleep "$2"
	done
}

# Neither friend nor foe: what a tunnel over DNS sends. Label "other".
tunnel() { # QUERIES PER-SECOND
	local i
	for ((i = 0; i < $1; i += $2)); do
		awk -v n="$2" -v seed="$i" 'BEGIN { srand(seed)
			for (; n; n--) {
				for (name = i = 0; i < 100; i++)
					name = name sprintf(i == 50 ? "%c." : "%c", 97 + 26 * rand())
				print name ".t.lab.test TXT"
			} }' >names
		dig -f names "@$target" +short >/dev/null
		sleep 1
	done
}
