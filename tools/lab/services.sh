# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # the caller's variables: server, run
#
# What lives here: the services of the protected host, started in the VM's own namespace, and the accounts and
# files that they serve. What doesn't: the network, and who talks to them.
#
# Passwords are hashed and keys made cheaply, since all of it is emulated: what counts is what goes over the wire.

user=ann password=correct-horse mistyped=correct-hourse

services_files() {
	local size
	mkdir -p "$www/private" "$run/nginx" "$run/log" /var/lib/nginx /var/log/nginx
	for size in 1 16 200 2000; do
		head -c "${size}k" /dev/zero | tr '\0' 'x' >"$www/$size.html"
	done
	cp "$www/1.html" "$www/index.html"
	cp "$www/16.html" "$www/private/16.html"
	printf '%s:{PLAIN}%s\n' $user $password >"$run/htpasswd"
}

# https and the pages behind a password only for the lab: the demo needs neither.
nginx_more() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=lab.test \
		-keyout "$run/tls.key" -out "$run/tls.crt" 2>/dev/null
	cat <<-CONF
		map \$request_body \$login { default no; "user=$user&pass=$password" yes; }
		server { listen 443 ssl backlog=2048; listen [::]:443 ssl backlog=2048;
			listen 80 backlog=2048; listen [::]:80; listen 8080; listen 8443;
			ssl_certificate $run/tls.crt; ssl_certificate_key $run/tls.key; client_max_body_size 64m;
			location /private/ { auth_basic "lab"; auth_basic_user_file $run/htpasswd; }
			location = /login { proxy_pass http://127.0.0.1:8099/; proxy_set_header X-Login \$login; }
			location = /upload { proxy_pass http://127.0.0.1:8099/; proxy_set_header X-Login yes; } }
		server { listen 127.0.0.1:8099; client_max_body_size 64m;
			location / { if (\$http_x_login = yes) { return 200 "welcome\n"; } return 200 "login failed\n"; } }
	CONF
}

nginx_up() { # MORE
	local more log=off
	[ -z "$1" ] || { more=$(nginx_more); log=$run/log/nginx; }
	more=${more:-server { listen 80 backlog=2048; listen 8080; listen 8443; \}}
	cat >"$run/nginx.conf" <<-CONF
		pid $run/nginx.pid; error_log $run/log/nginx.error; worker_processes 1; worker_rlimit_nofile 16384;
		events { worker_connections 8192; }
		http { access_log $log; keepalive_timeout 20; root $www;
			$more }
	CONF
	nginx -c "$run/nginx.conf"
}

iperf_up() {
	local port
	for port in 5201 5202 5203; do
		iperf3 -s -D -p $port -I "$run/iperf3.$port.pid" >/dev/null
	done
}

accounts() {
	useradd -m -s /bin/bash $user
	echo "$user:$password" | chpasswd -c SHA256 -s 1000
	install -d -o $user -m 700 /home/$user/.ssh /home/$user/mail
	ssh-keygen -q -t ed25519 -N '' -f "$run/key"
	install -o $user -m 600 "$run/key.pub" /home/$user/.ssh/authorized_keys
	head -c 300k /dev/zero >/home/$user/300k
	head -c 20k /dev/zero >/home/$user/20k
	chown $user /home/$user/*k
}

sshd_up() {
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$run/hostkey"
	cat >"$run/sshd.conf" <<-CONF
		Port 22
		PidFile $run/sshd.pid
		HostKey $run/hostkey
		KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org
		MaxStartups 200:30:400
		UsePAM yes
		Subsystem sftp internal-sftp
	CONF
	/usr/sbin/sshd -r -f "$run/sshd.conf" -E "$run/log/sshd"
}

ftp_up() {
	mkdir -p /run/vsftpd/empty
	cat >"$run/vsftpd.conf" <<-CONF
		listen_ipv6=YES
		background=YES
		local_enable=YES
		write_enable=YES
		anonymous_enable=NO
		pam_service_name=vsftpd
		secure_chroot_dir=/run/vsftpd/empty
		seccomp_sandbox=NO
		pasv_min_port=40000
		pasv_max_port=41000
		max_clients=400
		max_per_ip=300
		xferlog_enable=YES
		vsftpd_log_file=$run/log/vsftpd
	CONF
	vsftpd "$run/vsftpd.conf"
}

smtp_up() {
	cat >"$run/smtpd.conf" <<-CONF
		listen on srv0 port 25 hostname lab.test
		action keep maildir "/home/$user/mail"
		match from any for domain lab.test action keep
	CONF
	smtpd -f "$run/smtpd.conf" >"$run/log/smtpd" 2>&1
}

pop3_up() {
	mkdir -p "$run/dovecot"
	echo "$user:{PLAIN}$password:$(id -u $user):$(id -g $user)::/home/$user" >"$run/dovecot.users"
	cat >"$run/dovecot.conf" <<-CONF
		base_dir = $run/dovecot
		protocols = pop3
		ssl = no
		disable_plaintext_auth = no
		mail_location = maildir:/home/$user/mail
		log_path = $run/log/dovecot
		passdb { 
		  driver = passwd-file
		  args = $run/dovecot.users
		}
		userdb { 
		  driver = passwd-file
		  args = $run/dovecot.users
		}
		service pop3-login {
		  process_min_avail = 1
		  service_count = 0
		}
	CONF
	dovecot -c "$run/dovecot.conf"
}

dns_up() {
	dnsmasq -C /dev/null -x "$run/dnsmasq.pid" --user=root --no-resolv --no-hosts --interface=srv0 --interface=lo \
		--bind-interfaces --address=/v4.lab.test/$server --address=/v6.lab.test/$server6 \
		--local=/lab.test/ --local=/nx.test/ --local=/arpa/ \
		--txt-record=txt.lab.test,"$(printf 'x%.0s' {1..200})" --cache-size=2000
}

# Each line that comes is sent back; connections stay for as long as the client likes.
lines_up() {
	socat TCP6-LISTEN:7000,fork,reuseaddr,backlog=100,max-children=600 PIPE 2>/dev/null &
	echo $! >"$run/socat.pid"
}

# Datagrams that come to port 514 are taken and not answered; nothing at all answers on port 6882.
silent_up() {
	socat -u UDP6-RECV:514 /dev/null 2>/dev/null &
	echo $! >"$run/silent.pid"
	nft -f - <<-RULES
		table inet lab {
			chain in { type filter hook input priority 0; iifname srv0 tcp dport 6882 drop; }
		}
	RULES
}

services_up() { # [all]
	services_files
	# A backlog that a flood fills would make friends fail for the server's reasons, not the filter's.
	sysctl -q -w net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=4096 net.ipv4.tcp_syncookies=1
	ulimit -n 16384
	if [ -z "${1-}" ]; then
		nginx_up ''
		iperf_up
		return
	fi
	accounts
	local s
	for s in 'nginx_up more' iperf_up sshd_up ftp_up smtp_up pop3_up dns_up lines_up silent_up; do
		$s || echo "lab: $s failed" >&2
	done
}

services_down() {
	local f
	for f in "$run"/*.pid "$run"/dovecot/master.pid; do
		[ ! -f "$f" ] || kill "$(tr -d '\0' <"$f")" 2>/dev/null
	done
	smtpctl stop >/dev/null 2>&1
	nft delete table inet lab 2>/dev/null
	pid=$(pgrep -o -x vsftpd) && kill "$pid"
}
