#!/usr/bin/env bash
# A transfer that is never silent, through a stone: found by what was carried, and said to be; one at
# a steady rate: said not to be decidable.
# shellcheck source=tests/integration/check.sh
. "$(dirname "$0")/check.sh"
loopback_open
trap finish EXIT
here=tests/integration
base=1795320000

# carried OVERHEAD SWAY SEED LATE: 30 records of a minute, of octets that sway by a factor up to e^SWAY.
carried() {
	python3 -c 'import math, random, sys
overhead, sway, late = float(sys.argv[1]), float(sys.argv[2]), float(sys.argv[4])
rng = random.Random(sys.argv[3])
print(",".join(f"{60 * i + late:.3f}-{60 * i + 59.9 + late:.3f}:"
               f"{int(6e7 * overhead * math.exp(rng.uniform(-sway, sway)))}" for i in range(30)))' "$@"
}

# thief 10.1.0.5 behind A -> stone 10.2.0.5 behind B -> victim 10.4.0.5 behind C; others transfer, too.
python3 $here/capture.py "$dir/A.pcap" 10.255.0.1 $base <<END
10.1.0.5:1000 203.0.113.2:22 1 $(carried 1.02 .5 stolen 0)
198.51.100.1:7000 203.0.113.2:22 2 $(carried 1.02 .5 stolen 0)
10.1.0.6:1000 203.0.113.9:443 1 $(carried 1 .5 other 3)
END
python3 $here/capture.py "$dir/B.pcap" 10.255.0.2 $base <<END
198.51.100.1:7000 203.0.113.2:22 2 $(carried 1.02 .5 stolen 0.1)
198.51.100.1:7000 10.2.0.5:22 1 $(carried 1.02 .5 stolen 0.1)
10.2.0.5:2000 198.51.100.4:22 1 $(carried 1 .5 stolen 0.3)
203.0.113.2:8000 198.51.100.4:22 2 $(carried 1 .5 stolen 0.3)
10.2.0.6:2000 198.51.100.9:443 1 $(carried 1 .5 another 0)
10.2.0.7:2000 198.51.100.9:443 1 $(carried 1 0 steady 0)
END
python3 $here/capture.py "$dir/C.pcap" 10.255.0.4 $base <<END
203.0.113.2:8000 198.51.100.4:22 2 $(carried 1 .5 stolen 0.4)
203.0.113.2:8000 10.4.0.5:22 1 $(carried 1 .5 stolen 0.4)
203.0.113.2:9000 10.4.0.7:22 1 $(carried 1 0 steady 0)
203.0.113.2:9001 10.4.0.8:22 1 0-20:900000
END
captures_seen 2s A B C

check "asked about the transfer" 0 "what was carried is compared instead" \
	spoor_at C trace 10.4.0.5:22 --gap 2s
spoor_at C trace 10.4.0.5:22 --gap 2s --json >"$dir/report"
check "the path leads to the thief, by volume" 0 \
	"^10.1.0.5:1000 volume, 10.2.0.5:2000 volume$" \
	of '", ".join(h["src"] + " " + h["by"] for h in r["path"])'
check "and nobody else" 0 "^True$" of 'all(
	m["src"].split(":")[0] not in ("10.1.0.6", "10.2.0.6", "10.2.0.7") or "match" not in m["verdict"]
	for m in r["matches"])'
check "which a host would have to confirm" 0 "^\['what a host reports" of \
	'sorted({m["needs"] for m in r["matches"] if m["verdict"] == "match by volume"})'
check "a steady one is not decidable, and nobody is asked" 1 "nor by volume: a steady rate" \
	spoor_at C trace 10.4.0.7:22 --gap 2s
check "nor is a short one" 1 "nor by volume: too few records" \
	spoor_at C trace 10.4.0.8:22 --gap 2s
