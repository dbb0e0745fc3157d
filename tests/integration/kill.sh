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
	sleep "$((RANDOM % 3 + 2)).$((RANDOM % 5 + 5))" # a seal comes every two seconds
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

# Killed again and again while an exporter goes on: every flow that was sent is held, or counted as
# lost. KILLS says how often. One socket and two, in turn. And an sFlow agent's samples, on a node of
# their own.
kills=${KILLS:-8}
node_init R2 --keep forever
sed -i "/^exports:/a\\  sockets: 1" "$dir/R2/spoord.yaml"
node_start R2
"$bin/sender" "$net.2" 2055 v9 "$(((kills * 4 + 24) * 20000))" 20000 >"$dir/sent" &
sender=$!
node_init R3 --keep forever
node_start R3
python3 tests/integration/sampler.py "$net.3:2055" "$((kills * 4 + 24))" >"$dir/sampled" &
sampler=$!
status() { # EXPRESSION over the status s, which may fail: no exporter yet
	spoor_at R2 status --json | python3 -c "import json, sys; s = json.load(sys.stdin); e = s['exports']; print($1)"
}
until_true() { # EXPRESSION, within three minutes: the sender makes all its datagrams first
	for _ in $(seq 360); do
		[ "$(status "$1" 2>/dev/null)" != True ] || return 0
		sleep 0.5
	done
}
ten_seconds="e['streams'][0]['datagrams'] > 12 * 20000 / 24"
until_true "$ten_seconds"
check "the exporter has gone on for ten seconds: it is remembered" 0 "^True$" status "$ten_seconds"
known=$(status "e['flows']")
until_true "s['store']['flows'] > $known"
check "that is sealed" 0 "^True$" status "s['store']['flows'] > $known"
whole=0
for round in $(seq "$kills"); do
	sleep "0.$((RANDOM % 9 + 1))"
	signal=KILL
	[ $((round % 4)) != 0 ] || signal=TERM # which loses nothing
	node_kill R2 $signal
	! "$bin/spoord" --config "$dir/R2/spoord.yaml" --check-store >"$dir/checked" 2>&1 || whole=$((whole + 1))
	sed -i "s/^  sockets: .*/  sockets: $((round % 2 + 1))/" "$dir/R2/spoord.yaml"
	node_start R2
	node_kill R3 $signal
	node_start R3
done
check "the exporter goes on" 0 "" kill -0 "$sender"
check "after each of $kills ends the store is whole" 0 "^$kills$" echo "$whole"
wait "$sender"
sleep 3
spoor_at R2 status --json >"$dir/status"
counted() { # EXPRESSION over the status and what was sent
	python3 -c "import json; s = json.load(open('$dir/status')); e = s['exports']; t = json.load(open('$dir/sent')); print($1)"
}
echo "        sent $(counted "t['flows']"), held $(counted "s['store']['flows']"), lost $(counted "e['streams'][0]['lost']") datagrams"
check "what did not arrive is counted as lost" 0 "^0$" \
	counted "t['datagrams'] - e['streams'][0]['datagrams'] - e['streams'][0]['lost']"
# 24 flows each, but for one in 65536 that has the template instead.
check "what is not held is lost" 0 "^True$" \
	counted "t['flows'] - s['store']['flows'] - s['store']['unsealed'] - 24 * e['streams'][0]['lost'] in [-24 * n for n in range(t['datagrams'] // 65536 + 2)]"
check "no record waited for its template" 0 "^0$" counted "e['dropped']['untold']"
check "one exporter, that never started again" 0 "^\[0\]$" counted "[x['restarts'] for x in e['streams']]"
node_kill R2 TERM
wait "$sampler"
sleep 3
spoor_at R3 status --json >"$dir/status"
sampled() { # EXPRESSION over the status, the agent's stream, and what it sent
	python3 -c "import json; s = json.load(open('$dir/status')); e = s['exports']['streams'][0]; t = json.load(open('$dir/sampled')); print($1)"
}
echo "        sampled $(sampled "t['samples']"), held $(sampled "s['store']['flows']"), lost $(sampled "e['samples_lost']")"
check "samples that are not held are counted as lost" 0 "^0$" \
	sampled "t['samples'] - s['store']['flows'] - s['store']['unsealed'] - e['samples_lost']"
check "some were lost, and of the agent's datagrams as many" 0 "^\(True, 0\)$" \
	sampled "(e['lost'] > 0, t['datagrams'] - e['datagrams'] - e['lost'])"
node_kill R3 TERM

# Who is asked to end again and again still ends well, with all that has come.
node_init R4 --keep forever
node_start R4
"$bin/sender" "$net.4" 2055 v5 300000 100000 >"$dir/sent" &
sender=$!
until_some() { for _ in $(seq 200); do [ "$(spoor_at R4 status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["exports"]["flows"] > 50000)')" != True ] || return 0; done; }
until_some
code=0
for _ in $(seq 50); do kill -TERM "${pid[R4]}" 2>/dev/null || break; done
wait "${pid[R4]}" || code=$?
unset "pid[R4]"
wait "$sender"
check "asked fifty times at once, it ends as if asked once" 0 "^0$" echo "$code"

# A torn file is recognised and told; it is not opened and not touched.
file=$dir/R1/flows/data.mdb
truncate -s 20480 "$file"
sum=$(sha256sum <"$file")
check_line "a torn store" 64 "torn" "$bin/spoord" --config "$dir/R1/spoord.yaml"
check "it was left as it is" 0 "$sum" sha256sum <"$file"
