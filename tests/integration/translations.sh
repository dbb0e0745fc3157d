#!/usr/bin/env bash
# What an exporter does to addresses is held, shown with its flows, and known after a restart.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
node_init A --keep forever
node_start A

# shellcheck disable=SC2154 # of check.sh
tell() { python3 tests/integration/translations.py "$net.1:2055" "$@"; }
counts() { spoor_at A status --json | grep -q "\"translations\":{\"held\":$1,\"opened\":$2,\"closed\":$3,\"seen\":$4,"; }
tell 0 create 1001 1002 1003
check "three that are made are held" 0 "" await "they are" counts 3 3 0 3 # the event is a flow as well
tell 1 flow 1001 1002
check "flows show two of them, and no other" 0 "" await "they do" counts 3 3 0 5
check "a flow has its other address and port" 0 '"nat_src": *"198.51.100.1".*"nat_src_port": *40001' \
	spoor_at A flows "src port 1002 and bytes > 0" --ndjson
check "who asks for an outside end is told of the inside" 1 '"src": *"10.0.0.1:1002".*"is_translated": *true' \
	spoor_at A trace 198.51.100.1:40001 --json
check "and of both, joined by what the exporter told" 1 '"public_src": *"198.51.100.1:40001".*"joined_by": *\["nat"\]' \
	spoor_at A trace 10.0.0.1:1002 --json
check "which nobody had: nothing" 1 "" spoor_at A trace 198.51.100.1:40009 --json
sleep 3 # they are kept every two seconds
node_kill A KILL
node_start A
check "after a kill they are held" 0 "" await "they are" counts 3 0 0 0
tell 2 delete 1001 1002 1003
check "and closed, each" 0 "" await "they are" counts 3 0 3 3
check "none was unknown" 0 '"unopened":0' spoor_at A status --json
sleep 3
node_kill A TERM
node_start A
tell 3 create 1004
check "who comes after takes nobody's place" 0 "" await "it does not" counts 4 1 0 1
