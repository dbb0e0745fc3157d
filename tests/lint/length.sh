#!/bin/sh
# No function is longer than 70 lines, brace to brace, and no source file longer than 700. Relies on
# the house's braces: a function's stand alone in the first column.
#   length.sh [ROOT]
. "$(dirname "$0")/files.sh"
cd "${1:-.}" && [ -d base ] || { echo "length: no tree here"; exit 2; }
list=$(files c h)
[ -n "$list" ] || { echo "length: no files"; exit 2; }
found=$(echo "$list" | while read -r file; do
	awk -v file="$file" '
		/^{/ { start = NR; name = before }
		/^}/ {
			if (start && NR - start + 1 > 70)
				printf "%s:%d: function of %d lines: %s\n", file, start, NR - start + 1, name
			start = 0
		}
		/^[A-Za-z_]/ { before = $0 }
		END { if (NR > 700) printf "%s: file of %d lines\n", file, NR }
	' "$file"
done)
[ -z "$found" ] || { echo "$found"; exit 1; }
