#!/usr/bin/env bash
# A host on the BPF provider: real processes, on this machine's kernel. Needs root, and BPF.
# shellcheck source=tests/integration/bpf_host.sh
. "$(dirname "$0")/bpf_host.sh"
host_start

"$bin/spoor" --socket "$dir/web/spoord.sock" origin watch --ndjson >"$dir/watched" 2>&1 &
watcher=$!
python3 tests/integration/lineage.py 20 >"$dir/lineage" 2>"$dir/lineage.err" &
pid[lineage]=$!
told() { [ "$(wc -l <"$dir/lineage")" = 8 ]; }
await "all are there" told
cat "$dir/lineage.err"
word() { sed -n "s/^$1 //p" "$dir/lineage"; }
origin() { origin_of "$(word "$1")" "$2"; } # NAME EXPRESSION
came=$(word came)
hop=$(word hop)

check "a child inherits the last accept" 0 "^implied $came 0$" \
	origin child '" ".join([r["last"]["type"], r["last"]["src"], str(r["last"]["depth"])])'
check "a change of uid makes it the origin" 0 "^implied $came \['setuid'\]$" \
	origin grandson '" ".join([r["origin"]["type"], r["origin"]["src"], str(r["origin"]["flags"])])'
check "over a connection of the host to itself the root is kept" 0 "^$hop 1 $came$" \
	origin again '" ".join([r["last"]["src"], str(r["last"]["depth"]), r["root"]["src"]])'
check "who has nothing to do with it carries nothing" 0 "^None$" origin stranger 'r["root"]'
check "all that came from elsewhere are listed" 0 "^3$" bash -c \
	"'$bin/spoor' --socket '$dir/web/spoord.sock' origin list --ndjson |
		grep -cE '\"pid\":($(word child)|$(word grandson)|$(word again)),'"
seen() { grep "\"pid\":$(word grandson)," "$dir/watched" | grep -q '"kind":"connect"'; }
check "the connection of the grandson was told as it came" 0 "" await "it is told" seen
check "and is in the log, by its far end" 0 "python3.*implied $came" spoor_at web origin \
	"127.0.0.1:$(grep "\"pid\":$(word grandson)," "$dir/watched" | grep connect |
		sed 's/.*"dst":"127.0.0.1:\([0-9]*\)".*/\1/')"
# told_of KIND PID: how many records watched are of that kind, to or from the server's port.
told_of() { grep "\"pid\":$2," "$dir/watched" | grep "\"kind\":\"$1\"" | grep -c ":$(word port)\""; }
first_sent() { [ "$(told_of send "$(word grandson)")" = 1 ]; }
check "of its three datagrams, the first is told" 0 "" await "it is told" first_sent
received() { [ "$(told_of receive "$(word server)")" = 1 ]; }
check "and of those that came in" 0 "" await "it is told" received
check "what is local is not recorded" 1 "" grep -q "\"pid\":$(word stranger)," "$dir/watched"
alive() {
	spoor_at web origin status --json | python3 -c 'import json, sys
h = json.load(sys.stdin)["health"]
sys.exit(not (h["canaries_seen"] >= 2 and h["canaries"] - h["canaries_seen"] <= 1))'
}
check "its test connections are seen by the kernel" 0 "" await "two are" alive
check "nothing was lost" 0 '"lost":0,"lost_tasks":0' spoor_at web origin status --json
kill "$watcher" 2>/dev/null
