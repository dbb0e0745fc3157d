#!/bin/sh
# The manual and docs/SIMULATOR.md name every option and every member of the JSON; none else.
#   manual.sh SPOOR-SIM
set -eu
sim=$1 page=man/spoor-sim.1 status=0
missing() { echo "missing: $1"; status=1; }

options=$("$sim" --help | sed -n 's/^  --\([a-z-]*\).*/\1/p')
for option in $options; do
	grep -q "^\.It Fl -$option" $page || missing "--$option in $page"
	case $option in help | version) continue ;; esac
	grep -q -- "\`--${option}[ \`]" docs/SIMULATOR.md || missing "--$option in docs/SIMULATOR.md"
done
described=$(sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p' $page)
for option in $described; do
	echo "$options" | grep -qx "$option" || missing "--$option in --help"
done
for member in $("$sim" --scenario tools/sim/scenarios/query.yaml --json |
	grep -oE '"[a-z0-9_]+":' | tr -d '":' | sort -u); do
	case $member in text | measured | kept) continue ;; esac
	grep -E '^\.It Cm' $page | grep -qw "$member" || missing "$member in $page"
done
for kind in $("$sim" --help | sed -n '/^rules:/,/^liars:/s/^  \([a-z-]*\).*/\1/p'); do
	grep -q "^| \`$kind\`\|\`$kind\` |" docs/SIMULATOR.md || missing "rule $kind in docs/SIMULATOR.md"
done
mandoc -T lint -W warning $page || status=1
exit $status
