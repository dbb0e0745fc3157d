#!/usr/bin/env bash
# Real logins: sshd with PAM, a jump, a shared connection, su, setsid, a server started for each
# connection. Needs root, BPF, and an openssh server.
# shellcheck source=tests/integration/bpf_host.sh
. "$(dirname "$0")/bpf_host.sh"
[ -x /usr/sbin/sshd ] || { echo "no sshd here: openssh-server has it"; loopback_close; trap - EXIT; exit 77; }
host_start

ssh-keygen -q -t ed25519 -N "" -f "$dir/key"
ssh-keygen -q -t ed25519 -N "" -f "$dir/host_key"
cp "$dir/key.pub" "$dir/authorized"
mkdir -p /run/sshd
cat >"$dir/sshd_config" <<END
ListenAddress $net.1:2222
ListenAddress $net.2:2222
HostKey $dir/host_key
AuthorizedKeysFile $dir/authorized
PermitRootLogin yes
StrictModes no
UsePAM yes
PidFile none
END
/usr/sbin/sshd -D -e -f "$dir/sshd_config" 2>"$dir/sshd.log" &
pid[sshd]=$!
cat >"$dir/ssh_config" <<END
Host *
	User root
	Port 2222
	IdentityFile $dir/key
	IdentitiesOnly yes
	StrictHostKeyChecking no
	UserKnownHostsFile /dev/null
	LogLevel ERROR
END
# ssh_to ADDRESS ARGUMENTS...: it comes from another address than any that listens.
ssh_to() { ssh -F "$dir/ssh_config" -b "$net.9" "$@"; }
listens() { ssh-keyscan -p 2222 "$net.1" 2>/dev/null | grep -q ed25519; }
await "sshd is there" listens

# What to run on the other side: it leaves its pid and what sshd says of the connection, and stays.
cat >"$dir/stay" <<'END'
#!/bin/sh
echo "$$ $SSH_CONNECTION" >"$1.part" && mv "$1.part" "$1"
exec sleep 30 >/dev/null 2>&1 </dev/null
END
chmod 755 "$dir" "$dir/stay"
origin() { origin_of "$(cut -d' ' -f1 "$dir/$1")" "$2"; } # NAME EXPRESSION; who left its pid in NAME
whence='" ".join([r["origin"]["type"], r["origin"].get("src") or "-"])'
from() { awk '{print $2 ":" $3}' "$dir/$1"; } # what sshd says

ssh_to "$net.1" "$dir/stay $dir/plain" &
jobs=$!
await "a session is there" test -s "$dir/plain"
check "whoever logs in through sshd and PAM is remote, from where sshd says" 0 \
	"^remote $(from plain) 0$" origin plain \
	"$whence + ' ' + str(r['user']['origin_loginuid'])"

ssh_to "$net.1" "setsid -f $dir/stay $dir/apart >/dev/null 2>&1 </dev/null"
await "it stays" test -s "$dir/apart"
check "who leaves the session keeps it, when that is over" 0 "^remote $(from apart)$" origin apart "$whence"

mkdir -m 777 "$dir/theirs"
ssh_to "$net.1" "su -s /bin/sh nobody -c '$dir/stay $dir/theirs/changed'" &
jobs="$jobs $!"
await "another user is there" test -s "$dir/theirs/changed"
check "and so does who becomes another user" 0 "^remote 127.* 65534$" origin theirs/changed \
	"$whence + ' ' + str(r['user']['uid'])"

# As -J does it, from the other address.
ssh_to -o ProxyCommand="ssh -F $dir/ssh_config -b $net.9 -W %h:%p $net.1" "$net.2" "$dir/stay $dir/jumped" &
jobs="$jobs $!"
await "who jumped is there" test -s "$dir/jumped"
check "through a jump the root is the first connection's" 0 "^remote $(from jumped) 1 $net.9 True$" \
	origin jumped "$whence + ' %d %s ' % (r['origin']['depth'], r['root']['src'].rsplit(':', 1)[0]) + str(r['root']['src'] != r['origin']['src'])"

ssh_to -M -S "$dir/shared" -f -N "$net.1"
for name in one two; do
	ssh_to -S "$dir/shared" "$net.1" "$dir/stay $dir/$name" &
	jobs="$jobs $!"
	await "$name is there" test -s "$dir/$name"
done
check "sessions over one connection have one origin" 0 "^remote $(from one)$" origin two "$whence"
ssh_to -S "$dir/shared" -O exit "$net.1" 2>/dev/null

if command -v systemd-socket-activate >/dev/null; then
	systemd-socket-activate --inetd --accept -l "$net.1:2323" "$dir/stay" "$dir/served" 2>/dev/null &
	pid[activate]=$!
	python3 - "$net" <<'END' >"$dir/caller" &
import socket, sys, time
for _ in range(50):
    try:
        s = socket.create_connection((sys.argv[1] + ".1", 2323), source_address=(sys.argv[1] + ".9", 0))
        break
    except OSError:
        time.sleep(0.1)
print("%s:%d" % s.getsockname(), flush=True)
time.sleep(20)
END
	jobs="$jobs $!"
	await "it is served" test -s "$dir/served"
	check "a server started for each connection has that for its last" 0 "^implied $(cat "$dir/caller")$" \
		origin served '" ".join([r["last"]["type"], r["last"]["src"]])'
fi
for name in plain apart theirs/changed jumped one two served; do
	kill "$(cut -d' ' -f1 "$dir/$name")" 2>/dev/null
done
# shellcheck disable=SC2086 # several
kill $jobs 2>/dev/null
wait $jobs 2>/dev/null
