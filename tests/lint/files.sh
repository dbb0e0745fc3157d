# files [SUFFIX...] - for the other scripts: every file of the project, those not yet added to git
# included, of the given suffixes. Outside a repository: every file but what a build makes.
files()
{
	if [ -e .git ]; then
		git ls-files --cached --others --exclude-standard
	else
		find . -type f ! -path './build/*' | sed 's|^\./||'
	fi | sort | while read -r file; do
		[ -f "$file" ] || continue
		[ $# -eq 0 ] && echo "$file"
		for suffix in "$@"; do
			case $file in *."$suffix") echo "$file" ;; esac
		done
	done
}
