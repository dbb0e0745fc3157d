"""What happens to the community, and what must hold all the same; a step is a function."""
import glob
import os
import threading
import time

from . import daemons, flood, members, nodes, weather

BUCKET = 20  # members that a node keeps in touch with at each distance
POLL_S = 0.2
TRACE_EVERY_S = 10.0  # members let nobody ask more often for long
CHURN = 10  # a third
QUESTION_S = 0.06  # a question is on its way to everybody then, and hardly an answer is back
TABLE_SHARE = 0.95  # of their places, after a minute
HEARD_S, HEALED_S = 5.0, 60.0  # a revocation: by whom nothing keeps from hearing it; by all others


def wait(condition, within_s):
    """Seconds until it holds; None: it does not."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            return None
        time.sleep(POLL_S)
    return time.monotonic() - began


def seconds(took_s, within_s):
    return f"not within {within_s:g} s" if took_s is None else f"{took_s:.1f} s"


def missing(world):
    return sorted(world.down - world.out)


# How a node is, by its own word.


def places(name, peers, counted):
    """How many of `counted` live in its table, and how many it has room for, at each distance."""
    live, sizes = 0, {}
    for other in counted & set(peers):
        if members.member(name).is_behind_nat and members.member(other).is_behind_nat:
            continue  # they cannot meet
        row = peers[other]
        live += row["in_table"] and row["state"] == "live"
        sizes[row["distance"]] = sizes.get(row["distance"], 0) + 1
    return live, sum(min(BUCKET, size) for size in sizes.values())


def callable_members():
    """Who is behind NAT calls whom its own table has room for, and nobody can call it."""
    return {m.name for m in members.MEMBERS if not m.is_behind_nat}


def settle(world, names, within_s, share=1.0, counted=None):
    """Until each of `names` knows everybody, and `share` of their places is taken by the living.

    Places for `counted`, or for all. (seconds or None, who lacks somebody, the share reached)
    """
    everybody = {m.name for m in members.MEMBERS} - world.out
    counted = (counted or everybody) - world.down - world.out
    found = {}

    def is_over():
        for name in names:
            if name not in found or lacks(*found[name]):
                peers = world.daemons.peers(name)
                found[name] = (everybody - {name} - set(peers), *places(name, peers, counted))
        return reached() >= share and not any(unknown for unknown, *_ in found.values())

    def lacks(unknown, live, room):
        return unknown or live < room

    def reached():
        return sum(live for _, live, _ in found.values()) / sum(room for *_, room in found.values())

    took_s = wait(is_over, within_s)
    return took_s, [name for name in names if lacks(*found[name])], round(reached(), 4)


# The steps.


def join(world, within_s):
    began = time.monotonic()
    world.daemons.start(world.names())
    ready_s = time.monotonic() - began
    took_s, strangers, share = settle(world, world.names(), within_s, counted=callable_members())
    world.claim("all know all, from one address", not strangers,
                f"{seconds(took_s, within_s)} after all were up" +
                (f"; not {' '.join(strangers)}" if strangers else ""),
                {"up_s": round(ready_s, 2), "joined_s": took_s and round(took_s, 2),
                 "live_share": share})
    world.plant()


def clean(world):
    world.judge("everybody answers, the path is right", world.trace(), missing(world))


def lossy(world, percent):
    weather.lose(percent)
    trace = world.trace()
    weather.clear()
    world.judge(f"{percent} % of all packets lost: the same", trace, missing(world))


def partition(world, one_way=False, outcast=None, within_s=60):
    here = members.half(members.member(members.ASKER).half)
    there = [m for m in members.MEMBERS if m not in here]
    weather.cut([m.port for m in here], [m.port for m in there], one_way)
    lost = {m.name for m in there} - world.out
    how = "deaf to the other half" if one_way else "cut in two halves"
    world.judge(f"{how}: the missing are named, the rest is right", world.trace(),
                sorted(lost | set(missing(world))))
    if outcast:
        told = announce(world, outcast)
        heard_by(world, outcast, told, [m.name for m in here], HEARD_S, "in its half")
    weather.clear()
    healed = time.monotonic()
    if outcast:
        world.out.add(outcast)
    answered_again(world, healed, within_s)
    if outcast:
        heard_by(world, outcast, healed, [m.name for m in there], HEALED_S, "once healed")


def answered_again(world, healed, within_s):
    tries = []
    while True:
        began = time.monotonic()
        trace = world.trace()
        tries.append(trace.measured())
        if not set(trace.missing) - world.down or time.monotonic() - healed > within_s:
            break
        time.sleep(max(0.0, began + TRACE_EVERY_S - time.monotonic()))
    after_s = time.monotonic() - healed
    world.judge(f"healed: everybody answers after {after_s:.1f} s (trace {len(tries)})", trace,
                missing(world))
    world.claims[-1]["measured"].update(healed_s=round(after_s, 2), before=tries[:-1])


def announce(world, outcast):
    """An operator takes a member's certificate back; when the node there has read of it."""
    root = members.member(outcast).root
    world.daemons.run("member", "revoke", "--sign", daemons.home(root) + "/root.key", "--list",
                      daemons.home(members.ANNOUNCER) + "/revoked.list",
                      daemons.home(outcast) + "/member.cert")
    wait(lambda: when_heard(world, members.ANNOUNCER, outcast), 10)
    return when_heard(world, members.ANNOUNCER, outcast)


def when_heard(world, name, outcast):
    return world.daemons.heard(name, f"member was revoked: {outcast} ")


def heard_by(world, outcast, since, names, within_s, where):
    names = [name for name in names if name in world.names() and name != outcast]
    wait(lambda: all(when_heard(world, name, outcast) for name in names),
         since + within_s - time.monotonic())
    after = sorted(max(0.0, when_heard(world, name, outcast) - since) for name in names
                   if when_heard(world, name, outcast))
    text = (f"{len(after)} of {len(names)}" +
            (f", half of them in {after[len(after) // 2]:.2f} s, the last in {after[-1]:.2f} s"
             if after else ""))
    world.claim(f"{outcast} is revoked: heard {where} within {within_s:g} s",
                len(after) == len(names) and after[-1] <= within_s, text,
                {"told": len(names), "heard": len(after),
                 "median_s": after and round(after[len(after) // 2], 3),
                 "last_s": after and round(after[-1], 3)})


def revoke(world, outcast):
    told = announce(world, outcast)
    heard_by(world, outcast, told, world.names(), HEARD_S, "by all")
    world.out.add(outcast)
    world.judge("it is asked no longer, all others answer", world.trace(), missing(world))


def families(world, other, within_s):
    """Two members with both families lose IPv4 between them."""
    def has_moved():
        peer = world.daemons.peers(members.ASKER)[other]
        return peer["in_table"] and peer["address"].startswith("[")

    weather.cut_ipv4(members.ASKER, other)
    trace = world.trace()
    took_s = wait(has_moved, within_s)
    world.claim(f"no IPv4 to {other}: the asker meets it by IPv6 within {within_s:g} s",
                took_s is not None, seconds(took_s, within_s),
                {"moved_s": took_s and round(took_s, 2), "meanwhile": trace.measured()})
    world.judge("everybody answers", world.trace(), missing(world))
    weather.clear()


def churn(world, stone=None, returning=5):
    """A third is killed while a trace runs, some come back during it. `stone`: what happens to R2.

    None: it is spared, and all are killed while the question travels; who has answered by then is
    not missing, and who comes back answers if it had not. "back": R2 is among them and comes back;
    "dead": it does not. Then all are frozen first, so that none of them hears the question before
    its end.
    """
    others = [name for name in world.names()
              if name not in members.CHAIN and name != members.BOOTSTRAP]
    killed = world.rng.sample(others, CHURN - 1 - bool(stone)) + [members.BOOTSTRAP]
    back = killed[:returning - (stone == "back")] + (["R2"] if stone == "back" else [])
    killed += ["R2"] if stone else []
    if stone:
        world.daemons.freeze(killed)

    def act():
        time.sleep(QUESTION_S)
        world.daemons.kill(killed)
        time.sleep(1.0)
        world.daemons.start(back)

    trace = world.trace_while(act)
    world.down |= set(killed) - set(back)
    due = set(missing(world))
    if not stone:
        due -= {name for name in due if trace.states.get(name) == "answered"}
    fate = {None: "", "back": ", R2 among them and back", "dead": ", R2 among them"}[stone]
    world.judge(f"{CHURN} killed{fate}, {len(back)} back in time: the rest is named", trace,
                sorted(due))
    world.claims[-1]["measured"].update(killed=sorted(killed), back=sorted(back))


def comeback(world, within_s):
    """The bootstrap address stays dead: who comes back has only its own memory."""
    back = sorted(world.down - {members.BOOTSTRAP})
    world.down &= {members.BOOTSTRAP}
    world.daemons.start(back)
    took_s, strangers, share = settle(world, back, within_s, TABLE_SHARE, callable_members())
    *_, share_of_all = settle(world, back, 0)
    world.claim("restarted without the bootstrap address: they know all, their tables are "
                f"{TABLE_SHARE:.0%} full", took_s is not None,
                f"{share:.1%} in {seconds(took_s, within_s)}" +
                (f"; not {' '.join(strangers)}" if strangers else ""),
                {"back": back, "home_s": took_s and round(took_s, 2), "live_share": share,
                 "live_share_of_all": share_of_all})
    world.judge("all but the bootstrap node answer", world.trace(), missing(world))
    world.daemons.start([members.BOOTSTRAP])
    world.down.clear()
    took_s = wait(lambda: is_met(world, members.BOOTSTRAP), within_s)
    world.judge(f"it comes back, too ({seconds(took_s, within_s)}): everybody answers",
                world.trace(), missing(world))


def is_met(world, name):
    """The asker has it in its table."""
    return world.daemons.peers(members.ASKER)[name]["in_table"]


def asker_dies(world, within_s):
    """In the middle of a trace; nothing it asks afterwards may look like a question seen before."""
    client = threading.Thread(target=world.daemons.ask, daemon=True, kwargs={"codes": range(256)},
                              args=(members.ASKER, *nodes.TRACE))
    client.start()
    time.sleep(QUESTION_S)
    world.daemons.kill([members.ASKER])
    client.join()
    world.daemons.start([members.ASKER])
    took_s, *_ = settle(world, [members.ASKER], within_s, TABLE_SHARE)
    world.judge(f"the asker died and is back ({seconds(took_s, within_s)}): everybody answers",
                world.trace(), missing(world))


def flooded(world, rate, length_s):
    """A stranger floods the asker, under other people's addresses, while it traces."""
    daemon = world.daemons.processes[members.ASKER]
    before = world.daemons.status(members.ASKER)["overlay"]
    cpu_before, began = daemons.usage_of(daemon)[0], time.monotonic()
    stranger = flood.start(world, members.member(members.ASKER), rate, length_s)
    time.sleep(1.0)
    trace = world.trace()
    sent = flood.finish(stranger)
    cpu = (daemons.usage_of(daemon)[0] - cpu_before) / (time.monotonic() - began)
    time.sleep(0.5)
    after = world.daemons.status(members.ASKER)["overlay"]
    rise = {key: after[key] - before[key] for key in after if after[key] > before[key]}
    world.judge(f"{rate} forged datagrams a second: everybody answers", trace, missing(world))
    refused = {key: rise.get(key, 0) for key in flood.REASONS}
    share = sum(refused.values()) / sent
    text = ", ".join(f"{count} {key}" for key, count in refused.items())
    world.claim("refused, and counted by reason", all(refused.values()) and share > 0.9,
                f"{share:.1%} of {sent} sent ({text}), {cpu:.0%} of a core",
                {"sent": sent, "cpu_share": round(cpu, 3), "rise": rise})


def end(world):
    crashed = sorted(set(world.daemons.dead() + world.daemons.ill()))
    resident = sorted(daemons.usage_of(daemon)[1] for daemon in world.daemons.processes.values()
                      if daemon.poll() is None)
    world.claim("no node has crashed, no sanitizer spoke", not crashed,
                " ".join(crashed) or f"{len(resident)} live, {resident[-1] >> 20} MiB the largest",
                {"crashed": crashed, "resident_max": resident[-1]})
    codes = world.daemons.stop()
    bad = {name: code for name, code in codes.items() if code != 0}
    ill = world.daemons.ill()
    world.claim("all end when told to", not bad and not ill,
                ", ".join([f"{name} {code}" for name, code in bad.items()] + ill) or
                f"{len(codes)} with exit 0", {"codes": bad, "ill": ill})
    left = running()
    world.claim("nothing runs any more", not left, " ".join(left) or "no process is left",
                {"left": left})


def running():
    """Names of processes in this world beside the lab's own two."""
    found = []
    for entry in glob.glob("/proc/[0-9]*"):
        pid = int(os.path.basename(entry))
        if pid in (1, os.getpid()):
            continue
        try:
            with open(entry + "/comm", encoding="utf-8") as file:
                found.append(file.read().strip())
        except OSError:
            continue
    return found
