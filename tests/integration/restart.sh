#!/usr/bin/env bash
# A node that starts again finds the members it knew, though its bootstrap address is gone.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
for name in R1 R2 R4; do
	node_init "$name" --keep forever
	node_start "$name"
done
await "everybody knows everybody" node_knows R4 2
check "peers are a table for people" 0 "R1 .*Organisation of R1 .*127\..*:7667.*live" \
	spoor_at R4 peers
check "one peer's distance is a power of two, as in the table" 0 "distance +2\^2[0-9][0-9]$" \
	spoor_at R4 peers show R1
check "and a short round trip is no 0" 0 "rtt +(< 1|[0-9.]+) ms$" spoor_at R4 peers show R1
check "for programs both are numbers" 0 '"distance": *2[0-9][0-9],.*"rtt_ms": *[0-9]' \
	spoor_at R4 peers show R1 --json
node_kill R4 TERM
node_kill R1 KILL
node_start R4
await "the one that is left is found again" node_knows R4 1
check "it is R2, from memory" 0 '"name": *"R2".*"state": *"live"' spoor_at R4 peers --ndjson
check "R1 is known, but not living" 0 'R1 .*(known|silent)' spoor_at R4 peers
check_line "tracing in an empty store" 1 "holds no flows" spoor_at R4 trace 192.0.2.1:22

# The others remember newer keys of R2 than its own store does.
sequence() { spoor_at R4 peers show R2 --json | grep -o '"sequence": *[0-9]*'; }
before=$(sequence)
changed() { [ "$(sequence)" != "$before" ]; }
node_start R1
node_kill R2 TERM
cp -r "$dir/R2/flows" "$dir/R2.flows"
rm -r "$dir/R2/flows"
node_start R2
await "R4 has heard of R2's new keys" changed
node_kill R2 TERM
rm -r "$dir/R2/flows"
mv "$dir/R2.flows" "$dir/R2/flows"
node_start R2
meets() { node_knows R2 2; }
check "a store that was put back does not lock its node out" 0 "" await "R2 meets the others" meets

# A PING every 27 s, three in vain, three looks: up to a minute.
await_long() {
	for _ in 1 2 3 4 5 6 7 8 9; do
		await "$@" 2>/dev/null && return
	done
	return 1
}

# A copy of R2 ran for a while, with newer keys, and R2 never stopped.
before=$(sequence)
mkdir "$dir/copy"
cp "$dir"/R2/{identity.key,member.cert,root.pub,spoord.yaml} "$dir/copy"
sed -i 's/:7667$/:7668/; s/:2055"/:2056"/' "$dir/copy/spoord.yaml"
node_start copy
await "R4 has heard of the copy's keys" changed
node_kill copy TERM
for name in R1 R4; do # their sessions with R2 end
	node_kill "$name" TERM
	node_start "$name"
done
check "it is shunned for a copy's sake, and notices" 0 "" \
	await_long "R2 makes new keys" grep -q "nobody answers any more" "$dir/R2/log"
check "with new keys it is back" 0 "" await_long "R2 meets the others again" meets
