# What benchmarks of whole processes have in common: source it, then
#
#   meter_open NAME, meter_close   as root the kernel's bound for socket buffers is $buffer between them
#   cpu_s PID, peak_kb PID         user and system time of all its threads, or of PID/task/TID; memory at most
#   settled COMMAND                waits until what it prints stays the same for a second
#   value KEY                      of a flat JSON object on stdin
#   per A B                        A / B
#   emit WHAT VALUE UNIT           a JSON line
# shellcheck shell=bash

buffer=60000000

meter_open() {
	meter_name=$1
	meter_before=$(sysctl -n net.core.rmem_max)
	sysctl -qw net.core.rmem_max=$buffer 2>/dev/null || echo "not root: small socket buffers" >&2
}
meter_close() { sysctl -qw net.core.rmem_max="$meter_before" 2>/dev/null || :; }

cpu_s() { awk -v tick="$(getconf CLK_TCK)" '{ print ($14 + $15) / tick }' "/proc/$1/stat"; }
peak_kb() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; }
value() { sed "s/.*\"$1\": *\([0-9.]*\).*/\1/"; }
emit() { printf '{"bench":"%s","what":"%s","value":%s,"unit":"%s"}\n' "$meter_name" "$1" "$2" "$3"; }
per() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4g", (b > 0 ? a / b : 0) }'; }

settled() {
	local was='' is
	for _ in $(seq 60); do
		is=$("$@")
		[ "$is" != "$was" ] || return 0
		was=$is
		sleep 1
	done
}
