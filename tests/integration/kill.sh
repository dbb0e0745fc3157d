#!/usr/bin/env bash
# kill -9 in the middle of receiving: what was sealed is there, whole, and the node starts again.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
held() { spoor_at R1 flows --ndjson | wc -l; }

node_init R1 --keep forever
for round in 1 2 3; do
	node_start R1
	python3 tests/integration/exporter.py --flows 100000 --rate 500 --seed "$round" --to "$net.1:2055" &
	sender=$!
	sleep "$((RANDOM % 3 + 1)).$((RANDOM % 10))"
	spoor_at R1 status --json >"$dir/status"
	before=$(python3 -c 'import json,sys; print(json.load(sys.stdin)["store"]["flows"])' <"$dir/status")
	node_kill R1 KILL
	kill "$sender" 2>/dev/null
	wait "$sender" 2>/dev/null
	node_start R1
	after=$(held)
	echo "        round $round: $before sealed before the kill, $after held after it"
	check "round $round: what was sealed is held" 0 "" \
		test "$after" -ge "$before"
	check "round $round: no block is damaged" 0 '"damaged_blocks": *0' spoor_at R1 status --json
	node_kill R1 TERM
done
node_start R1
total=$(held)
check "all rounds are held at the end" 0 "^[1-9]" echo "$total"
node_kill R1 TERM

# A torn file is recognised and told; it is not opened and not touched.
file=$dir/R1/flows/data.mdb
truncate -s 20480 "$file"
sum=$(sha256sum <"$file")
check_line "a torn store" 64 "torn" "$bin/spoord" --config "$dir/R1/spoord.yaml"
check "it was left as it is" 0 "$sum" sha256sum <"$file"
