#!/bin/sh
# Every .c and .h is as clang-format and the root's .clang-format have it. Skipped without the tool.
#   format.sh [ROOT]
. "$(dirname "$0")/files.sh"
cd "${1:-.}" && [ -f .clang-format ] || { echo "format: no tree here"; exit 2; }
command -v clang-format >/dev/null || { echo "format: clang-format is not installed"; exit 77; }
list=$(files c h)
[ -n "$list" ] || { echo "format: no files"; exit 2; }
echo "$list" | tr '\n' '\0' | xargs -0 clang-format --dry-run -Werror || exit 1
