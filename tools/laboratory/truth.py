"""Ground truth: every connection with its four views, and whose session it was."""
import json
import re

from . import exporters, scenarios

NOTE = ("start/end are conntrack event times at the client-side gateway (epoch s); end = last "
        "FIN/RST state change. views are client->server tuples; the reverse tuple is exported as "
        "well.")
KINDS = {"interactive": "background_interactive", "cron": "periodic_command",
         "monitor": "monitor_output", "http": "http_poll"}
CHAIN_ID = "c1"


def tell_truth(scenario, seed, connections, began, ended, background, chain_habits):
    joined = join(connections, ended)
    chain = chain_entry(joined, chain_habits)
    sessions = [session_entry(session, joined, background) for session in scenario.background]
    return {
        "run": scenario.name, "seed": seed, "started": began, "ended": ended, "note": NOTE,
        "gateways": {g.name: gateway_entry(g) for g in scenarios.GATEWAYS},
        "hosts": {h.name: host_entry(h) for h in scenarios.HOSTS},
        "exporter_settings": settings_entry(scenario),
        "true_chains": [chain],
        "background_sessions": sessions,
        "other_connections": [strip(c) for c in joined if not c["used"]],
    }


def gateway_entry(g):
    return {"wan": g.wan, "lan": g.lan, "exporter": g.exporter,
            "exporter_ip": g.management if g.exporter else None,
            "snat": "fully-random" if g.random_ports else "source port kept where free"}


def host_entry(h):
    return {"gateway": h.gateway, "lan": scenarios.lan_address(h),
            "public": scenarios.gateway(h.gateway).wan, "public_port": h.public_port}


def settings_entry(scenario):
    return {"program": "softflowd", "timeouts": exporters.timeouts(scenario.idle_s,
                                                                   scenario.active_s),
            "ports": {"v5": exporters.PORT}, "ifindex": exporters.INTERFACES,
            "sampling": "none", "pcap_immediate_shim": True, "per_interface_processes": True}


def join(connections, ended):
    """Each connection is tracked at the client's gateway and at the server's; WAN tuples match."""
    outbound, inbound = [], []
    for tracked in sorted(connections, key=lambda t: t.start):
        home = scenarios.gateway(tracked.gateway)
        (outbound if tracked.orig[0].startswith(home.lan_prefix) else inbound).append(tracked)
    joined = []
    for leaving in outbound:
        wan = (leaving.reply[2], leaving.reply[3]) + leaving.orig[2:]
        arriving = next((t for t in inbound if t.orig == wan), None)
        if arriving is None:
            continue
        inner = arriving.reply[:2]
        joined.append({
            "start": leaving.start, "end": leaving.end or ended, "used": False,
            "client": leaving.orig[0], "server": inner[0],
            "views": [view(leaving.gateway, "LAN", leaving.orig), view(leaving.gateway, "WAN", wan),
                      view(arriving.gateway, "WAN", wan),
                      view(arriving.gateway, "LAN", wan[:2] + inner)],
        })
        inbound.remove(arriving)
    return joined


def view(gateway_name, side, endpoints):
    src, sport, dst, dport = endpoints
    return {"gateway": gateway_name, "side": side, "if_index": 1 if side == "LAN" else 2,
            "exported": scenarios.gateway(gateway_name).exporter,
            "tuple": {"src": src, "sport": sport, "dst": dst, "dport": dport, "proto": 6}}


def strip(connection):
    return {key: connection[key] for key in ("start", "end", "views")}


def edges_between(joined, src, dst, alias):
    """Each pair of hosts belongs to one session of the scenario."""
    client = scenarios.lan_address(scenarios.host(src))
    server = scenarios.lan_address(scenarios.host(dst))
    found = [c for c in joined if (c["client"], c["server"]) == (client, server)]
    for connection in found:
        connection["used"] = True
    return [dict(alias=alias, src=src, dst=dst, **strip(c)) for c in found]


def chain_entry(joined, habits):
    stones, edges = scenarios.CHAIN, []
    for number, (src, dst) in enumerate(zip(stones, stones[1:]), 1):
        found = edges_between(joined, src, dst, f"{CHAIN_ID}h{number}")
        if len(found) != 1:
            raise RuntimeError(f"{len(found)} connections from {src} to {dst}, expected 1")
        edges += found
    return {"id": CHAIN_ID, "kind": "true_chain", "hosts": list(stones), "edges": edges,
            "human": habits, "ok": True}


def session_entry(session, joined, background):
    entry = {"id": session.name, "kind": KINDS[session.kind], "hosts": [session.src, session.dst],
             "edges": edges_between(joined, session.src, session.dst, session.name),
             "ok": background.ok[session.name]}
    if session.period_s:
        entry["period_s"] = session.period_s
    if session.name in background.habits:
        entry["human"] = background.habits[session.name]
    return entry


def as_text(told):
    """Indented, with objects of at most one inner object (a view and its tuple) on one line."""
    flat = r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)?\}"
    text = json.dumps(told, indent=1)
    return re.sub(flat, lambda match: re.sub(r"\n\s*", " ", match.group()), text) + "\n"
