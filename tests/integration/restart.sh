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
node_kill R4 TERM
node_kill R1 KILL
node_start R4
await "the one that is left is found again" node_knows R4 1
check "it is R2, from memory" 0 '"name": *"R2".*"state": *"live"' spoor_at R4 peers --ndjson
check "R1 is known, but not living" 0 'R1 .*(known|silent)' spoor_at R4 peers
check_line "tracing in an empty store" 1 "holds no flows" spoor_at R4 trace 192.0.2.1:22
