"""Is a trace's report what really happened, as far as those who answered could know?"""
from . import scenarios, score


def shown(name):
    """The address a host is seen at: its public one where its gateway has no node."""
    host = scenarios.host(name)
    gateway = scenarios.gateway(host.gateway)
    return scenarios.lan_address(host) if gateway.exporter else gateway.wan


HOSTS = [shown(name) for name in scenarios.CHAIN]
# Each host's place, also under the address that is left when its gateway's node is missing.
PLACES = {address: place for place, name in enumerate(scenarios.CHAIN)
          for address in (shown(name), scenarios.gateway(scenarios.host(name).gateway).wan)}


class Trace:
    """One trace: its exit code, its report, how long it took."""

    def __init__(self, code, report, took_s):
        self.code, self.report, self.took_s = code, report, took_s
        nodes = report["coverage"]["nodes"]
        self.states = {n["node"]: n["state"] for n in nodes if n["state"] != "self"}

    def in_state(self, state):
        return sorted(name for name, s in self.states.items() if s == state)

    missing = property(lambda self: sorted(name for name, state in self.states.items()
                                           if state not in ("answered", "refused")))

    def measured(self):
        coverage = {key: value for key, value in self.report["coverage"].items()
                    if key != "nodes"}
        return {"exit": self.code, "took_s": round(self.took_s, 2), **coverage,
                "missing": self.missing}


def faults(trace, told, expected_missing=None):
    """What is wrong with it, in words; none: all is right."""
    found = [] if expected_missing is None else names_differ(trace, expected_missing)
    if trace.code != (3 if trace.missing else 0):
        found.append(f"exit {trace.code} with {len(trace.missing)} missing")
    counted = len(trace.states) - len(trace.missing)
    if trace.report["coverage"]["answered"] != counted:
        found.append(f"{trace.report['coverage']['answered']} counted, {counted} named")
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
    """Without R1 or R2 the path is shorter; what there is of it must be right, to the target."""
    path = path_of(trace)
    gaps = {gap[key] for gap in trace.report["gaps"] for key in ("from", "to")}
    if all(seen_by(trace, gateway) for gateway in ("R1", "R2")):
        right = path == HOSTS and score.SILENT in gaps
    else:
        right = is_part(path) and path[-1:] == HOSTS[-1:]
    return [] if right else [f"the path is {' '.join(path)}"]


def is_part(path):
    places = [PLACES.get(host) for host in path]
    return None not in places and places == sorted(places)
