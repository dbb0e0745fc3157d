#!/usr/bin/env bash
# What a process of remote origin writes where it will be run, and what is run by way of it.
# The folders are this test's own: it sees others in their places. Needs root, BPF and fanotify.
[ "$(id -u)" = 0 ] || { echo "needs root: it loads BPF programs"; exit 77; }
[ -n "${SPOOR_UNSHARED:-}" ] || exec env SPOOR_UNSHARED=1 unshare --mount "$0" "$@"
# shellcheck source=tests/integration/bpf_host.sh
. "$(dirname "$0")/bpf_host.sh"
for folder in /etc/cron.d /etc/cron.daily /etc/systemd/system /var/spool; do
	mount -t tmpfs none "$folder"
done
mkdir -p /var/spool/cron/crontabs

host_start
"$bin/spoor" --socket "$dir/web/spoord.sock" origin watch --ndjson >"$dir/watched" 2>&1 &
watcher=$!
mkfifo "$dir/orders"
python3 tests/integration/intruder.py "$dir/orders" >"$dir/intruder" 2>"$dir/intruder.err" &
pid[intruder]=$!
exec 9>"$dir/orders"
await "somebody comes in" grep -q port "$dir/intruder"
word() { sed -n "s/^$1 //p" "$dir/intruder"; }
came=$(word came)
order() { echo "$1" >&9; }
is_tagged() { python3 -c 'import os, sys; os.getxattr(sys.argv[1], "security.spoor_origin")' "$1" 2>/dev/null; }
files() { # EXPRESSION of the counters f
	spoor_at web origin status --json | python3 -c 'import json, sys
f = json.load(sys.stdin)["files"]
print(eval(sys.argv[1]))' "$1"
}

cat >"$dir/job.py" <<END
#!/usr/bin/env python3
import os, socket, sys, time
print(os.getpid(), flush=True)
time.sleep(0.5)
kept = socket.create_connection(("127.0.0.1", $(word port)))
time.sleep(30)
END
chmod 755 "$dir" "$dir/job.py"

order "echo '* * * * * sleep 1' >/var/spool/cron/crontabs/tmp.1; mv /var/spool/cron/crontabs/{tmp.1,root}"
check "a crontab that it writes is tagged" 0 "" await "it is" is_tagged /var/spool/cron/crontabs/root
order "cp $dir/job.py $dir/part; mv $dir/part /etc/cron.daily/part"
check "and a program that it moves to where it will be run" 0 "" await "it is" is_tagged /etc/cron.daily/part
order "echo '[Service]' >/etc/systemd/system/spoor-probe.service"
check "and a unit" 0 "" await "it is" is_tagged /etc/systemd/system/spoor-probe.service
order "mkdir /etc/systemd/system/ssh.service.d; echo '[Service]' >/etc/systemd/system/ssh.service.d/part.conf"
check "and a part of one, in a folder that it has just made" 0 "" await "it is" \
	is_tagged /etc/systemd/system/ssh.service.d/part.conf
echo "* * * * * root true" >/etc/cron.d/ours
sleep 0.5
check "what others write is not" 1 "" is_tagged /etc/cron.d/ours
order "cd /etc/cron.d; for i in 1 22 333 4444; do echo >of-a-longer-name-\$i; done; rm of-*"
check "many at once are read as well" 0 "" await "they are" test ! -e /etc/cron.d/of-a-longer-name-4444
check "all of it is counted" 0 "^4 0$" files '"%d %d" % (f["tagged"], f["unknown"])'

# job NAME USER-ID ANCESTOR COMMAND...: starts it as the ancestor does, and leaves its pid in NAME.
cp /bin/dash "$dir/cron"
job() {
	local name=$1 uid=$2 ancestor=$3
	shift 3
	setpriv --reuid "$uid" --clear-groups "$ancestor" -c '"$1" & wait' - "${1:-$dir/job.py}" >"$dir/$name" 2>"$dir/$name.err" &
	await "$name runs" test -s "$dir/$name"
	sleep 1
}
origin() { origin_of "$(cat "$dir/$1")" "$2"; } # NAME EXPRESSION
whence='" ".join([r["origin"]["type"], r["origin"].get("src") or "-"])'

job mine 0 "$dir/cron"
check "what cron starts by way of it has the writer's origin" 0 "^file $came$" origin mine "$whence"
job hers 65534 "$dir/cron"
check "what cron starts for somebody else has none" 0 "^unknown -$" origin hers "$whence"
job free 0 /bin/dash
check "and what another starts has none" 0 "^unknown -$" origin free "$whence"
told() { grep "\"pid\":$(cat "$dir/mine")," "$dir/watched" | grep -q "\"kind\":\"$1\".*\"type\":\"file\""; }
check "that it was so started is told" 0 "" await "it is" told file
check "and the connection that it opens is, with that origin" 0 "" await "it is" told connect
check "in words, too" 0 "is there by way of a file written from $came: /var/spool/cron/crontabs/root" \
	cat "$dir/web/log"

kill -STOP "${pid[web]}"
for _ in $(seq 3000); do /bin/true; done
kill -CONT "${pid[web]}"
job flooded 0 "$dir/cron"
check "and after more starts than it could hear of" 0 "^file $came$" origin flooded "$whence"

node_kill web TERM
host_start
job later 0 "$dir/cron"
check "the tag outlives the daemon" 0 "^file 127.0.0.1" origin later "$whence"
job part 0 /bin/dash /etc/cron.daily/part
cat /etc/cron.daily/part >/dev/null
check "a script that it wrote is known when it is run" 0 "^file $came$" origin part "$whence"
group=$(findmnt -n -o TARGET -t cgroup2 | head -1)/spoor-probe.service # as systemd would call it
if [ "${group%/*}" != "" ] && mkdir "$group" 2>/dev/null; then
	cat >"$dir/unit.sh" <<-END
		echo \$\$ >$group/cgroup.procs
		exec $dir/job.py
	END
	/bin/dash "$dir/unit.sh" >"$dir/unit" &
	await "unit runs" test -s "$dir/unit"
	sleep 1
	check "a process of its unit is" 0 "^file $came$" origin unit "$whence"
	kill "$(cat "$dir/unit")"
	wait $!
	rmdir "$group"
else
	echo "note    no control group can be made here: a unit's processes were not tried"
fi
order "exit"
for name in mine hers free flooded later part; do kill "$(cat "$dir/$name")" 2>/dev/null; done
kill "$watcher" 2>/dev/null
exec 9>&-
