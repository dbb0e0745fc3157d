#!/usr/bin/env bash
# What a node knows of an exporter of NetFlow v9 outlives it, however it ends.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
node_init A --keep forever
node_start A

export_() { python3 tests/integration/templates.py "$net.1:2055" "$@"; }
flows() { [ "$(spoor_at A flows "src net 10.9.8.0/24" --ndjson 2>/dev/null | wc -l)" = "$1" ]; }
export_ 5555 0 30 0.36 template # as long as it takes to be known
check "thirty datagrams, the first with the template, are thirty flows" 0 "" await "they are" flows 30
sleep 3 # it is kept every two seconds
node_kill A TERM
node_start A
export_ 5555 30 5 0
check "after a restart records are read without it" 0 "" await "they are" flows 35
sealed() { spoor_at A status --json | grep -q '"unsealed":0'; }
await "all is on disk" sealed
node_kill A KILL
node_start A
export_ 5555 35 5 0
check "and after a kill" 0 "" await "they are" flows 40
check "nothing was lost, and nothing waits" 0 '"untold":0' spoor_at A status --json
check "the exporter is named with its domain" 0 '"version":9,"domain":7' spoor_at A status --json
export_ 6666 0 40 0
export_ 6666 40 1 0 template
check "what came before its template waited for it" 0 "" await "it did" flows 81
export_ 6666 45 1 0
check "of what is missing, datagrams are counted" 0 '"lost":4' spoor_at A status --json
