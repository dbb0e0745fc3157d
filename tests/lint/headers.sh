#!/bin/sh
# Every header compiles alone and twice: it includes what it needs, and its guard holds.
#   headers.sh [ROOT]
cd "${1:-.}" || exit 2
status=0
for header in $(find base proto store correlate node tools -name '*.h' ! -name ban.h); do
	printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
		${CC:-cc} -std=c17 -D_GNU_SOURCE -I. -Wall -Wextra -Werror -fsyntax-only -x c - || status=1
done
exit $status
