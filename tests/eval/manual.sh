#!/bin/sh
# The manual names every option, scene, class, method and member of the JSON; a seed says all; bad
# input is refused in words.
#   manual.sh SPOOR-EVAL
set -eu
eval=$1 page=man/spoor-eval.1 status=0
missing() { echo "missing: $1"; status=1; }
small="--seed 3 --targets 2 --strangers 5 --pairs 3"

for option in $("$eval" --help | grep -oE -- '--[a-z]+' | sort -u); do
	grep -q "^\.It Fl -${option#--}\( \|$\)" $page || missing "$option in $page"
done
for described in $(sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p' $page); do
	case $described in help | version) continue ;; esac
	"$eval" --help | grep -q -- "--$described" || missing "--$described in --help"
done
for name in $("$eval" list --json | grep -oE '"[a-z0-9-]+":"' | tr -d '":'); do
	grep -qw -- "$name" $page || missing "$name in $page"
done
# shellcheck disable=SC2086 # words
for member in $({ "$eval" $small --json scene five; "$eval" $small --json classes bulk
	"$eval" $small --json volumes; "$eval" $small --json order; } | grep -oE '"[A-Za-z0-9_.-]+":' | tr -d '":' | sort -u); do
	case $member in recall_1e-* | false_E* | plain_E* | reach_E* | *_0.8) continue ;; esac
	grep -E '^\.(It )?Li' $page | grep -qw -- "$member" || missing "$member in $page"
done
once() # all but how long it took
{
	# shellcheck disable=SC2086 # words
	"$eval" $small --json scene five | sed 's/"ns_per_pair":[0-9.e+]*//'
}
[ "$(once)" = "$(once)" ] || missing "the same for the same seed"
refused() # CODE WORDS ARGUMENTS...
{
	code=$1 words=$2
	shift 2
	got=0
	out=$("$eval" "$@" 2>&1 >/dev/null) || got=$?
	[ "$got" = "$code" ] || missing "exit $code, not $got, of $*"
	echo "$out" | grep -q -- "$words" || missing "\"$words\" of $*: $out"
}
refused 2 usage:
refused 2 "unknown or ambiguous option --none" --none list
refused 2 "no scene" scene nowhere
refused 2 "no class" classes nowhere
refused 2 "no class" volumes nowhere
for option in seed targets strangers pairs minutes idle bound lost; do
	for value in x "" -1 1x 99999999999999999999; do
		refused 2 "^spoor-eval: --$option takes a whole number from" "--$option=$value" list
	done
	refused 2 "^spoor-eval: --$option is missing its value" list "--$option"
done
for option in targets strangers pairs minutes idle; do
	refused 2 "^spoor-eval: --$option takes a whole number from 1 to [0-9]*, not \"0\"" "--$option" 0 list
done
refused 2 "^spoor-eval: --bound takes a whole number from 0 to 15, not \"16\"" --bound 16 list
refused 2 "^spoor-eval: --lost takes a whole number from 0 to 99, not \"100\"" --lost 100 list
refused 2 "^spoor-eval: --plot takes" --plot= list
refused 2 "^spoor-eval: option --json=yes takes no value" --json=yes list
refused 2 "^spoor-eval: there is no command" dance
refused 64 "truth.json" recording /nowhere
mandoc -T lint -W warning $page || status=1
exit $status
