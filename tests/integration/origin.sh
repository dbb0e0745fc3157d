#!/usr/bin/env bash
# A host's log of its processes, from its provider to a trace: enrolment, evidence, policy, and an
# upstream connection that ended minutes before the next one began. Records come from a file.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
here=tests/integration
base=1795320000 # when the made-up attack begins

# evil 10.1.0.5 behind A -> stone 10.2.0.5 behind B, and five minutes after that session is over
# -> victim 10.4.0.5 behind C.
first=0-3,9-12,31-33,40-44,70-72,81-85,101-104,118-121
second=421-424,430-433,450-455,461-463,480-482,497-500,510-515,533-536
python3 $here/capture.py "$dir/A.pcap" 10.255.0.1 $base <<END
10.1.0.5:1000 203.0.113.2:22 1 $first
198.51.100.1:7000 203.0.113.2:22 2 $first
END
python3 $here/capture.py "$dir/B.pcap" 10.255.0.2 $base <<END
198.51.100.1:7000 203.0.113.2:22 2 $first
198.51.100.1:7000 10.2.0.5:22 1 $first
10.2.0.5:2000 198.51.100.4:22 1 $second
203.0.113.2:8000 198.51.100.4:22 2 $second
END
python3 $here/capture.py "$dir/C.pcap" 10.255.0.4 $base <<END
203.0.113.2:8000 198.51.100.4:22 2 $second
203.0.113.2:8000 10.4.0.5:22 1 $second
END

for name in A B C; do node_init "$name" --idle-timeout 2s --keep forever; done
hosts=$net.99:7669
"$bin/spoor" keygen root "$dir/hosts" >/dev/null
cat >>"$dir/B/spoord.yaml" <<END
hosts:
  listen: $hosts
  roots: [../hosts.pub]
END
for name in A B C; do
	node_start "$name"
	spoor_at "$name" import "$dir/$name.pcap" >/dev/null
done
await "C knows the others" node_knows C 2

# host_init NAME ADDRESS ROOT: a folder as an operator makes it.
host_init() {
	mkdir "$dir/$1"
	"$bin/spoor" keygen identity "$dir/$1/identity.key" >/dev/null
	"$bin/spoor" member request --identity "$dir/$1/identity.key" --name "$1" \
		--org "Organisation of B" --prefix "$2/32" -o "$dir/$1/request" >/dev/null
	"$bin/spoor" member issue "$dir/$1/request" --sign "$3" --role host \
		-o "$dir/$1/member.cert" >/dev/null
	: >"$dir/$1/records"
	cat >"$dir/$1/spoord.yaml" <<-END
		role: host
		roots: [../hosts.pub, ../.community/root.pub]
		gateway:
		  address: $hosts
		  certificate: ../B/member.cert
		origin:
		  provider: file:$dir/$1/records
		store: {map_size: 64MiB, age_max: forever}
		policy: {origin: full}
	END
}
host_start() {
	"$bin/spoord" --config "$dir/$1/spoord.yaml" 2>>"$dir/$1/log" &
	pid[$1]=$!
	await "host $1 is not there" spoor_at "$1" origin status
}
record() { python3 $here/record.py "$dir/$1/records" "${@:2}"; }
connected() { spoor_at "$1" origin status --json | grep -q '"is_connected": *true'; }
entries() { spoor_at "$1" origin status --json | grep -q "\"entries\": *$2,"; }
ask() { spoor_at C trace 10.4.0.5:22 --gap 2s --json >"$dir/report" || return $?; }
# of EXPRESSION: what the report r says; m: the match that has an origin.
of() {
	python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
m = next((m["origin"] for m in r["matches"] if m["origin"] and m["origin"].get("end") == "src"), None)
print(eval(sys.argv[2]))' "$dir/report" "$1"
}
hops='[h["src"] + " " + h["link"] for h in r["path"]]'

check_line "a host has no other role" 2 "goes with no other role" \
	"$bin/spoor" member issue "$dir/B/member.req" --sign "$dir/hosts" --role host --role ask
host_init stone 10.2.0.5 "$dir/hosts"
check "its certificate says what it is" 0 '"roles": *\["host"\]' \
	"$bin/spoor" member show "$dir/stone/member.cert" --root "$dir/hosts.pub" --json
check "its configuration is sound" 0 "" "$bin/spoord" --config "$dir/stone/spoord.yaml" --check
sed 's/^role: host//' "$dir/stone/spoord.yaml" >"$dir/stone/wrong.yaml"
check_line "a host's certificate makes no node" 2 "certificate: is a host's" \
	"$bin/spoord" --config "$dir/stone/wrong.yaml" --check
sed 's/provider: .*/provider: nonsense/' "$dir/stone/spoord.yaml" >"$dir/stone/wrong.yaml"
check "an unknown provider ends it, and is named" 64 'no provider "nonsense"' \
	"$bin/spoord" --config "$dir/stone/wrong.yaml"

check "without its host timing finds two hops, and no more" 0 "" ask
check "as the path says" 0 "^\['10.2.0.5:2000 end'\]$" of "$hops"

record stone accept 198.51.100.1:7000 10.2.0.5:22 $base pid=70 comm=sshd uid=0
record stone login 198.51.100.1:7000 10.2.0.5:22 $base pid=71 comm=sshd
record stone connect 10.2.0.5:2000 198.51.100.4:22 $((base + 421)) pid=72 comm=ssh \
	origin=198.51.100.1:7000,10.2.0.5:22,$base
host_start stone
check "the host finds its gateway" 0 "" await "the host finds its gateway" connected stone
check "its records are in the log" 0 "" await "its records are in the log" entries stone 3
check "its gateway knows how it is" 0 '"provider": *"file"' spoor_at B origin status --ndjson

check "asked again" 0 "" ask
check "the path goes on beyond the five minutes" 0 \
	"^\['10.1.0.5:1000 origin', '10.2.0.5:2000 end'\]$" of "$hops"
check "after a second question, about what the host has named" 0 "^2 198.51.100.1:7000" \
	of 'str(len(r["questions"])) + " " + r["questions"][1]["src"]'
check "evidence that holds" 0 "^\(True, 'stone', 3, 3\)$" \
	of 'm["verified"], m["host"], m["chain"]["entry"], m["chain"]["entries"]'
check "its gateway's policy shows the hop alone" 0 "^None None$" \
	of 'str(m["record"]["process"]) + " " + str(m["record"]["user"])'
check "people read it" 0 "by origin: stone says that its process came in by 198.51.100.1:7000" spoor_at C trace 10.4.0.5:22 --gap 2s

check "where a process came from" 0 "ssh\[72\].*remote 198.51.100.1:7000" spoor_at stone origin 72
check_line "a process that is not there" 1 "no such process: 9" spoor_at stone origin 9
check "who talked to an address" 0 "10.2.0.5:2000 > 198.51.100.4:22" \
	spoor_at stone origin 198.51.100.4:22
check_line "an address that nobody talked to" 1 "no record" spoor_at stone origin 192.0.2.1:1
check_line "no PID and no address" 2 "is no PID and no ADDR:PORT" spoor_at stone origin here
check_line "nor an address without a port" 2 "is no PID and no ADDR:PORT" spoor_at stone origin 192.0.2.1
check "all that came from elsewhere" 0 '"count": *3|ssh\[72\]' spoor_at stone origin list
check_line "a gateway's node has no processes" 2 "on the host itself" spoor_at B origin list
check_line "and a host no flows" 2 "ask its gateway's node" spoor_at stone flows
watch() {
	"$bin/spoor" --socket "$dir/stone/spoord.sock" origin watch --ndjson >"$dir/watched" 2>&1 &
	local watcher=$!
	sleep 1
	record stone connect 10.2.0.5:2001 198.51.100.9:22 $((base + 600)) pid=73
	await "the watcher sees it" grep -q 198.51.100.9:22 "$dir/watched"
	kill $watcher
	wait $watcher 2>/dev/null
	cat "$dir/watched"
}
check "records as they come" 0 '"kind":"connect".*198.51.100.9:22' watch

# The log is one chain over restarts, and what it proved it proves still.
node_kill stone TERM
host_start stone
check "after a restart it is there again" 0 "" await "it is there again" connected stone
check "its log goes on" 0 "" await "its log goes on" entries stone 8
check "asked once more" 0 "" ask
check "what was written before holds" 0 "^True$" of 'm["verified"]'
node_kill stone KILL
host_start stone
check "killed, too" 0 "" await "killed, too" connected stone

# What a policy shows.
shows() { # AT LEVEL
	node_kill "$1" TERM
	sed -i "/^  origin: [a-z]*$/d; s/^policy:.*/policy:\\n  origin: $2/" "$dir/$1/spoord.yaml"
	if [ "$1" = stone ]; then host_start stone; else node_start "$1"; fi
	await "stone is connected" connected stone
	await "C knows the others" node_knows C 2
}
shows B process
ask
check "the process, and not its user" 0 "^ssh None$" \
	of 'm["record"]["process"]["comm"] + " " + str(m["record"]["user"])'
shows B full
ask
check "all of it" 0 "^1000$" of 'm["record"]["user"]["uid"]'
shows stone hop
ask
check "a host can show less than its gateway would" 0 "^None$" of 'm["record"]["process"]'
shows B none
check "or nothing is shown" 0 "" ask
check "and the path is what timing tells" 0 "^\['10.2.0.5:2000 end'\]$" of "$hops"
shows B hop

# Strangers at the hosts' port.
"$bin/spoor" keygen root "$dir/others" >/dev/null
host_init stranger 10.2.0.6 "$dir/others"
sed -i 's/roots: \[/roots: [..\/others.pub, /' "$dir/stranger/spoord.yaml"
host_start stranger
sleep 1
check "a host of another root stays outside" 0 '"is_connected": *false' \
	spoor_at stranger origin status --json
head -c 100000 /dev/urandom >"/dev/tcp/${hosts%:*}/${hosts#*:}" 2>/dev/null
check "noise is let go" 0 '"name": *"stone"' spoor_at B origin status --ndjson
