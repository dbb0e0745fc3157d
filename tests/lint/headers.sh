#!/bin/sh
# Every header compiles alone and twice: it includes what it needs, and its guard holds. The guard's
# name is the header's path, so that no two headers share one.
#   headers.sh [ROOT]
cd "${1:-.}" && [ -d base ] && [ -d proto ] || { echo "headers: no tree here"; exit 2; }
status=0
count=0
for header in $(find base proto store correlate origin node tools tests -name '*.h' 2>/dev/null); do
	count=$((count + 1))
	guard=SPOOR_$(echo "$header" | tr 'a-z/.-' 'A-Z___')
	directives=$(grep -E '^#(ifndef|define|endif)' "$header")
	[ "$(echo "$directives" | head -n 2 | tr '\n' ' ')" = "#ifndef $guard #define $guard " ] ||
		{ echo "$header: not guarded by $guard"; status=1; }
	case $header in base/ban.h | *.bpf.h | origin/kmod/*) continue ;; esac # the last two are for another machine
	case $header in # a pure layer's header is read as that layer's compiler reads it
	base/* | proto/* | correlate/*) how='-include base/ban.h' ;;
	*) how=-D_GNU_SOURCE ;;
	esac
	printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
		${CC:-cc} -std=c17 $how -I. -Wall -Wextra -Werror -fsyntax-only -x c - ||
		{ echo "$header: does not compile alone"; status=1; }
done
[ $count -gt 0 ] || { echo "headers: none found"; exit 2; }
exit $status
