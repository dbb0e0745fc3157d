#!/bin/sh
# Words that must not be in the project: paths of somebody's machine, promises to do it later,
# numbers that mean something only in a tracker, hosts that packages are fetched from.
#   words.sh [ROOT]
. "$(dirname "$0")/files.sh"
cd "${1:-.}" && [ -d base ] || { echo "words: no tree here"; exit 2; }

# The brackets keep each pattern from matching itself.
later='TO[D]O|FIX[M]E|X[X]X|HA[C]K'
paths='/(wor[k]|hom[e]|roo[t]|User[s])/[A-Za-z0-9_.-]'
tracker='([Ii]ssu[e]|[Ff]ixe[s]|[Cc]lose[s]) #?[0-9]+'
hosts='(deb|security|snapshot|ftp)\.debia[n]\.org|archive\.ubunt[u]\.com|pypi\.or[g]|pythonhoste[d]'
hosts="$hosts|npmj[s]\.(org|com)|crate[s]\.io|proxy\.golan[g]\.org|(docke[r]|ghc[r]|qua[y])\.io|artifactor[y]"

list=$(files)
found=$(
	echo "$list" | tr '\n' '\0' | xargs -0 grep -InwE "$later" /dev/null | sed 's/^/later: /'
	echo "$list" | tr '\n' '\0' | xargs -0 grep -InE "(^|[^A-Za-z0-9_.])$paths" /dev/null | sed 's/^/path:  /'
	echo "$list" | tr '\n' '\0' | xargs -0 grep -InwE "$tracker" /dev/null | sed 's/^/issue: /'
	echo "$list" | tr '\n' '\0' | xargs -0 grep -InE "$hosts" /dev/null | sed 's/^/host:  /'
)
[ -n "$list" ] || { echo "words: no files"; exit 2; }
[ -z "$found" ] || { echo "$found"; exit 1; }
