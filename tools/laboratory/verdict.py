"""Is a trace's report what really happened, as far as those who answered could know?"""
from . import scenarios, score


def shown(name):
    """The address a host is seen at: its public one where its gateway has no node."""
    host = scenarios.host(name)
    gateway = scenarios.gateway(host.gateway)
    return scenarios.lan_address(host) if gateway.exporter else gateway.wan


HOSTS = [shown(name) for name in scenarios.CHAIN]
# By whether the nodes of R1 and R2 have answered: the path's hosts, and what must be in its gaps.
# Behind R1 an attacker has his gateway's address without it; without R2 its host is part of a gap.
PATHS = {
    (True, True): (HOSTS, {score.SILENT}),
    (False, True): ([scenarios.gateway("R1").wan] + HOSTS[1:], {score.SILENT}),
    (True, False): (HOSTS[:1] + HOSTS[2:], {score.SILENT, scenarios.gateway("R2").wan}),
    (False, False): (HOSTS[2:], set()),
}


class Trace:
    """One trace: its exit code, its report, how long it took."""

    def __init__(self, code, report, took_s):
        self.code, self.report, self.took_s = code, report, took_s
        nodes = report["coverage"]["nodes"]
        self.states = {n["node"]: n["state"] for n in nodes if n["state"] != "self"}

    missing = property(lambda self: sorted(name for name, state in self.states.items()
                                           if state not in ("answered", "refused")))

    def measured(self):
        coverage = {key: value for key, value in self.report["coverage"].items()
                    if key != "nodes"}
        return {"exit": self.code, "took_s": round(self.took_s, 2), **coverage,
                "missing": self.missing, "path": path_of(self)}


def faults(trace, told, expected_missing):
    """What is wrong with it, in words; none: all is right."""
    found = names_differ(trace, expected_missing)
    if trace.code != (3 if trace.missing else 0):
        found.append(f"exit {trace.code} with {len(trace.missing)} missing")
    coverage = trace.report["coverage"]
    if coverage["answered"] + coverage["refused"] != len(trace.states) - len(trace.missing):
        found.append("the coverage's numbers are not its names'")
    return found + matches_differ(trace, told) + path_differs(trace)


def names_differ(trace, expected):
    found = []
    for name in sorted(set(expected) - set(trace.missing)):
        found.append(f"{name} should be missing")
    for name in sorted(set(trace.missing) - set(expected)):
        found.append(f"{name} is {trace.states[name]}")
    return found


def seen_by(trace, gateway):
    """The asker always sees its own; another gateway's views count when its node answered."""
    return trace.states.get(gateway, "answered") == "answered"


def true_views(trace, told):
    """Of the chain, at those who answered; without the target itself."""
    views = [score.placeless(score.view_key(view)) for _, view in score.chain_views(told)]
    views.pop()
    return {view for view in views if seen_by(trace, view[0])}


def matches_differ(trace, told):
    matched = {(m["node"],) + tuple(sorted((score.endpoint(m["src"]), score.endpoint(m["dst"]))))
               for m in trace.report["matches"] if m["verdict"] == "match"}
    true = true_views(trace, told)
    found = [f"{len(true - matched)} of {len(true)} true views not found"] if true - matched else []
    if matched - true:
        found.append(f"{len(matched - true)} false matches")
    return found


def path_of(trace):
    path = trace.report["path"]
    return [end.rpartition(":")[0] for end in [h["src"] for h in path] + [h["dst"] for h in path[-1:]]]


def path_differs(trace):
    path = path_of(trace)
    gaps = {gap[key] for gap in trace.report["gaps"] for key in ("from", "to")}
    hosts, least = PATHS[seen_by(trace, "R1"), seen_by(trace, "R2")]
    found = [] if path == hosts else [f"the path is {' '.join(path)}"]
    return found + [f"no gap at {address}" for address in sorted(least - gaps)]
