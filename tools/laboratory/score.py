"""The scoreboard: how far are the true views above everything else?

Two judges: the report of the nodes, and the lab's own reading of the exported records.
"""
import re

from . import flows, scenarios

SILENT = scenarios.gateway("R3").wan  # the chain's only gateway that exports nothing
LEAST_COMMON_S = 10.0  # a common life shorter than this says nothing


def chain_views(told):
    """[(edge alias, view)] of every exported view of the chain; the target comes last."""
    return [(edge["alias"], view) for edge in told["true_chains"][0]["edges"]
            for view in edge["views"] if view["exported"]]


def idle_of(told):
    settings = dict(item.split("=") for item in told["exporter_settings"]["timeouts"])
    return float(settings["tcp"])


def view_key(view):
    t = view["tuple"]
    return flows.key_of(view["gateway"], view["if_index"], (t["src"], t["sport"]),
                        (t["dst"], t["dport"]))


def label(key, told):
    gateway, interface, one, other = key
    side = "LAN" if interface == 1 else "WAN"
    for session in told["true_chains"] + told["background_sessions"]:
        for edge in session["edges"]:
            if key in map(view_key, edge["views"]):
                return f"{edge['alias']:<6} {edge['src']:>4} > {edge['dst']:<4} at {gateway} {side}"
    return f"{'-':<6} {one[0]}:{one[1]} {other[0]}:{other[1]} at {gateway} {side}"


def by_records(told, packets):
    """Jaccard of ON time of every view with the victim's view."""
    gap = idle_of(told)
    least = min(LEAST_COMMON_S, 3 * gap + 1)
    spans = flows.spans_by_view(packets)
    on = {key: flows.on_intervals(found, gap) for key, found in spans.items()}
    true = [view_key(view) for _, view in chain_views(told)]
    target = true.pop()
    if target not in on:
        raise RuntimeError("the target's view was not exported")
    board = []
    for key, intervals in on.items():
        score = flows.jaccard(on[target], intervals, least)
        if key != target and score is not None:
            board.append({"score": round(score, 4), "true": key in true,
                          "view": label(key, told), "silences": len(intervals) - 1,
                          "records": len(spans[key])})
    board.sort(key=lambda row: -row["score"])
    summary = summarise(board, len(true))
    summary.update(path_ok=None, views=len(true) + 1, views_seen=len(on),
                   target_silences=len(on[target]) - 1, board=board)
    return summary


def by_report(told, report):
    """Ranks the matches of a trace; each view counts once, with its best score."""
    true = [placeless(view_key(view)) for _, view in chain_views(told)]
    target = true.pop()
    names = session_names(told)
    best = {}
    for match in report.get("matches", []):
        key = (match["node"],) + tuple(sorted((endpoint(match["src"]), endpoint(match["dst"]))))
        if key != target:
            best[key] = max(best.get(key, 0.0), match["score"])
    board = [{"score": score, "true": key in true,
              "view": f"{names.get(key, '-'):<20} at {key[0]}  {key[1][0]}:{key[1][1]} "
                      f"{key[2][0]}:{key[2][1]}"}
             for key, score in sorted(best.items(), key=lambda item: -item[1])]
    summary = summarise(board, len(true))
    path = path_of(report)
    gap_named = any(SILENT in text for text in strings(report.get("gaps", [])))
    summary.update(path_ok=path == list(scenarios.CHAIN) and gap_named, path=path,
                   views=len(true) + 1, board=board)
    return summary


def placeless(key):
    """Without the interface: NAT gives the two views of a gateway different tuples anyway."""
    return key[:1] + key[2:]


def session_names(told):
    return {placeless(view_key(view)): f"{edge['alias']:<6} {edge['src']:>4} > {edge['dst']}"
            for session in told["true_chains"] + told["background_sessions"]
            for edge in session["edges"] for view in edge["views"]}


def summarise(board, expected):
    true = [row["score"] for row in board if row["true"]]
    false = [row["score"] for row in board if not row["true"]]
    return {"recall": len(true) / expected, "lowest_true": min(true, default=0.0),
            "best_false": max(false, default=0.0)}


def passed(summary):
    return (summary["recall"] == 1.0 and summary["path_ok"] is not False
            and summary.get("origin_ok") is not False
            and summary["lowest_true"] > summary["best_false"])


def endpoint(text):
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)


def path_of(report):
    """The hosts along path[] in order, each once, by LAN or public address."""
    known = {}
    for name in scenarios.CHAIN:
        host = scenarios.host(name)
        known[scenarios.lan_address(host)] = name
        known[scenarios.gateway(host.gateway).wan] = name
    names = []
    ends = [[hop.get(end) for end in ("src", "dst", "public_src", "public_dst")]
            for hop in report.get("path", [])]
    for text in strings(ends):
        for address in re.findall(r"\d+\.\d+\.\d+\.\d+", text):
            if known.get(address) and known[address] not in names:
                names.append(known[address])
    return names


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def table(summary, title, rows=16):
    lines = [title]
    for rank, row in enumerate(summary["board"][:rows], 1):
        kind = "true" if row["true"] else "    "
        extra = f"  {row['silences']:2d} silences" if "silences" in row else ""
        lines.append(f"  {rank:2d}  {row['score']:.3f}  {kind}  {row['view']}{extra}")
    lines.append(f"  recall {summary['recall']:.2f}   lowest true {summary['lowest_true']:.3f}"
                 f"   best unrelated {summary['best_false']:.3f}"
                 + ("" if summary["path_ok"] is None else f"   path ok: {summary['path_ok']}"))
    if "origin" in summary:
        lines.append(f"  what HS1 says of its process: {summary['origin'] or 'right'}"
                     + ("" if summary["origin_ok"] is not None else " (not judged)"))
    return "\n".join(lines)
