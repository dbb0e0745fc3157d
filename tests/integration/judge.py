"""Compares a trace's report with the ground truth of its recording.

judge.py TRUTH.json CHAIN REPORT.json
"""
import json
import sys


def tuple_of(view):
    t = view["tuple"]
    return f"{t['src']}:{t['sport']}", f"{t['dst']}:{t['dport']}"


def views_of(truth, chain):
    """(gateway, src, dst) of every view of the chain that an exporter saw."""
    return {(view["gateway"], *tuple_of(view))
            for edge in chain["edges"] for view in edge["views"] if view["exported"]}


def expected_path(truth, chain):
    """The hosts in order; one behind a gateway without exporter shows its public address."""
    hosts, gaps = [], []
    for name in chain["hosts"]:
        host = truth["hosts"][name]
        gateway = truth["gateways"][host["gateway"]]
        hosts.append(host["lan"] if gateway["exporter"] else gateway["wan"])
        if not gateway["exporter"]:
            gaps.append(gateway["wan"])
    return hosts, gaps


def address(endpoint):
    return endpoint.rsplit(":", 1)[0]


def main(truth_file, chain_id, report_file):
    truth, report = json.load(open(truth_file)), json.load(open(report_file))
    chain = next(c for c in truth["true_chains"] if c["id"] == chain_id)
    target = report["target"]
    true = views_of(truth, chain) - {(target["node"], target["src"], target["dst"])}
    ranked = [(m["node"], m["src"], m["dst"]) for m in report["matches"]]
    path = [address(h["src"]) for h in report["path"]] + [address(report["path"][-1]["dst"])]
    gaps = [g["from"] for g in report["gaps"]]
    hosts, expected_gaps = expected_path(truth, chain)
    scores = [m["score"] for m in report["matches"]]
    claims = {
        f"the {len(true)} other views rank first": set(ranked[:len(true)]) == true,
        "they are matches, and nothing else is":
            {r for r, m in zip(ranked, report["matches"]) if m["verdict"] == "match"} == true,
        f"the path is {' '.join(hosts)}, not {' '.join(path)}": path == hosts,
        f"the gaps are {expected_gaps}, not {gaps}": gaps == expected_gaps,
        "everybody answered": report["coverage"]["answered"] == report["coverage"]["asked"] > 0,
    }
    for claim, holds in claims.items():
        print("true " if holds else "FALSE", claim)
    print("lowest true score %.3f, best false %.3f" % (
        scores[len(true) - 1], max(scores[len(true):], default=0)))
    print("all true" if all(claims.values()) else "not all true")


main(*sys.argv[1:])
