#!/usr/bin/env bash
# Who was behind an outside address, and when: what a NAT has told is asked for.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
node_init A --keep forever
node_start A

# shellcheck disable=SC2154 # of check.sh
tell() { python3 tests/integration/nel.py "$net.1:2055" "$@"; }
held() { spoor_at A status --json | grep -q "\"translations\":{\"held\":$1,"; }
ask() { spoor_at A translations "$@"; }
day=2026-11-22T14
public=198.51.100.1

# What was told, as it stands: a line says which event it is.
decoded() { python3 tests/integration/nel.py - 0 "$@" | "$bin/spoor" decode -; }
check "a block given, and to which ports" 0 '"nat_event":16,"nat_port_first":1024,"nat_port_last":1535}' \
	decoded "16,$day:00:00Z,10.0.0.3:0,$public:1024-1535"
check "and taken back" 0 '"nat_event":17,"nat_port_first":1024' decoded "17,$day:00:00Z,10.0.0.3:0,$public:1024-1535"
check "a session made has no block" 0 '"nat_src_port":40112,"nat_event":4}' \
	decoded "4,$day:00:00Z,10.0.0.1:5001,$public:40112"
check "a flow is no event" 0 '"nat_src_port":40999}' decoded "0,$day:05:00Z,10.0.0.4:7004,$public:40999,203.0.113.9:443"

check "a node that was told nothing" 1 "no such translation" ask
# Alice has a port until Bob has it; Carol a block; Dave is seen in a flow; Erin is still at it, and
# Frank has an address for himself.
tell 0 "4,$day:00:00Z,10.0.0.1:5001,$public:40112" "5,$day:02:30.250Z,10.0.0.1:5001,$public:40112" \
	"4,$day:02:31Z,10.0.0.2:6002,$public:40112" "5,$day:09:00Z,10.0.0.2:6002,$public:40112" \
	"16,$day:00:00Z,10.0.0.3:0,$public:1024-1535" "17,$day:30:00Z,10.0.0.3:0,$public:1024-1535" \
	"0,$day:05:00Z,10.0.0.4:7004,$public:40999,203.0.113.9:443" \
	"4,$day:10:00Z,10.0.0.5:8005,$public:41000,203.0.113.9:22" \
	"14,$day:00:00Z,10.0.0.6:0,198.51.100.6:0"
await "all of it is there" held 6

check "who was it at 14:03?" 0 '10\.0\.0\.2:6002 +198\.51\.100\.1:40112 +any +event' ask $public:40112 --at $day:03:00Z
check "nobody else was" 0 '^1$' bash -c "'$bin/spoor' --socket '$dir/A/spoord.sock' translations $public:40112 --at $day:03:00Z --ndjson | wc -l"
check "who was it a minute before?" 0 '"inside": *"10.0.0.1","inside_port": *5001' ask $public:40112 --at $day:02:00Z --ndjson
check "between two of them it was nobody, but others at other times" 1 "2 mappings held at other times" \
	ask $public:40112 --at $day:02:30.700Z
check_line "of a port that nobody had there is nothing" 1 "no such translation" ask $public:39999
check "a port of a block is its holder's" 0 '10\.0\.0\.3 +198\.51\.100\.1:1024-1535 +any +block' \
	ask $public:1100 --at $day:03:00Z
check "in JSON the block has its ports, and no single one" 0 \
	'"inside_port": *null.*"outside_port": *null,"outside_port_first": *1024,"outside_port_last": *1535.*"told_by": *"block"' \
	ask $public:1535 --ndjson
check "a whole address is its holder's, of any protocol" 0 'any +10\.0\.0\.6 +198\.51\.100\.6 +any +block' \
	ask 198.51.100.6:9 --proto udp
check "what was only seen says so" 0 '"peer": *"203.0.113.9","peer_port": *443.*"told_by": *"flow","is_start_told": *false' \
	ask $public:40999 --ndjson
check "what goes on is open" 0 '14:10:00\.000 +open +tcp +10\.0\.0\.5:8005' ask 10.0.0.5
check "in JSON it has no end" 0 '"end": *null' ask 10.0.0.5:8005 --json
check "from inside: as whom did it go out?" 0 '198\.51\.100\.1:40112' ask 10.0.0.1:5001
check "for one peer: those for it, and those for anybody" 0 '^6$' \
	bash -c "'$bin/spoor' --socket '$dir/A/spoord.sock' translations --peer 203.0.113.9 --ndjson | wc -l"
check "for one port of a peer" 0 '^5$' \
	bash -c "'$bin/spoor' --socket '$dir/A/spoord.sock' translations --peer 203.0.113.9:443 --ndjson | wc -l"
check "a span of time" 0 '^4$' \
	bash -c "'$bin/spoor' --socket '$dir/A/spoord.sock' translations --since $day:08:00Z --until $day:20:00Z --ndjson | wc -l"
check "all of it, the latest first" 0 '"held": *6,"matching": *6' ask --json
check "the latest alone" 0 '"inside": *"10.0.0.5".*\],?.*"matching": *6' bash -c "'$bin/spoor' --socket '$dir/A/spoord.sock' translations -n 1 --json | tr -d '\n'"
check "CSV has a header" 0 '^inside,inside_port,outside,outside_port,' ask --csv
check "and lines" 0 "^10\.0\.0\.5,8005,$public,41000,41000,41000,6,203\.0\.113\.9,22,127\..*,2026-11-22T14:10:00\.000Z,," ask --csv
check "another protocol" 1 "no such translation" ask $public:40112 --proto udp

check_line "no address" 2 '"nobody" is no ADDR or ADDR:PORT' ask nobody
check_line "no port" 2 'is no ADDR or ADDR:PORT' ask $public:66000
check_line "an address that nobody has" 2 'is no ADDR or ADDR:PORT' ask ::
check_line "two addresses" 2 "one word too many" ask $public 10.0.0.1
check_line "an instant and a span" 2 "--at goes with neither" ask $public --at now --since -1h
check_line "a span that ends before it begins" 2 "--since is later than --until" ask --since now --until -1h
check_line "no time" 2 "--at" ask --at yesterday
check_line "two forms" 2 "one of --csv" ask --csv --json

sleep 3 # they are kept every two seconds
node_kill A KILL
node_start A
check "after a kill it is known" 0 '10\.0\.0\.2:6002' ask $public:40112 --at $day:03:00Z

# More than the table holds: what made way is owned up to, also after a restart.
tell 1 many 65600 2026-11-23T00:00:00Z
await "some made way" bash -c "'$bin/spoor' --socket '$dir/A/spoord.sock' status --json | grep -q '\"held\":65536,.*\"evicted\":70,\"evicted_open\":0'"
check "what may be gone is not called nothing" 3 "the table was full: mappings of 2026-11-22T14:00:00.000Z to 2026-11-23" \
	ask $public:40112 --at $day:03:00Z
check "in JSON, too" 3 '"is_lacking": *true,"evicted_start": *"2026-11-22T14:00:00.000Z"' ask $public:40112 --at $day:03:00Z --json
check "what held later is whole" 0 '10\.9\.0\.9:65000' ask 192.0.2.3:16872 --at 2026-11-23T18:03:20Z
check "all that is held is a list" 3 '^65536$' \
	bash -c "'$bin/spoor' --socket '$dir/A/spoord.sock' translations --ndjson 2>/dev/null >'$dir/all'; code=\$?; wc -l <'$dir/all'; exit \$code"
check "a client that goes in the middle" 0 "" bash -c "'$bin/spoor' --socket '$dir/A/spoord.sock' translations --ndjson 2>/dev/null | head -1"
check "does not take the node along" 3 "the table was full" ask $public:40112 --at $day:03:00Z
sleep 3
node_kill A TERM
node_start A
check "a restart does not make it whole" 3 "the table was full" ask $public:40112 --at $day:03:00Z
