"""Scripted people: what they type is drawn from a seed before they start."""
import math
import random
import time

from .story import tell
from .terminal import Terminal

COMMANDS = (
    "ls -l /etc | head -30", "uname -a", "date", "id", "df -h /", "cat /etc/os-release",
    "head -40 /etc/services", "ls /usr/bin | head -60", "uptime", "free -m",
    "for i in 1 2 3; do echo step $i; sleep 0.3; done", "wc -l /etc/services", "env | sort",
    "grep -c tcp /etc/services", "tail -20 /etc/services", "ls -la /", "cat /proc/loadavg",
)


class Person:
    """A typist with own habits, drawn once; same seed and name, same person."""

    def __init__(self, seed, name, manner):
        self.rng = random.Random(f"{seed}/{name}")
        self.cap_s = manner.pause_cap_s
        self.think_s = manner.think_s
        for habit in ("key_median_s", "key_sigma", "thinks", "pause_least_s", "pause_tail"):
            setattr(self, habit, self.rng.uniform(*getattr(manner, habit)))

    def habits(self):
        return {
            "gap_median_s": round(self.key_median_s, 3), "gap_sigma": round(self.key_sigma, 3),
            "p_short_pause": round(self.thinks, 3), "pareto_xm_s": round(self.pause_least_s, 2),
            "pareto_alpha": round(self.pause_tail, 3), "cap_s": self.cap_s,
        }

    def key_gap(self):
        return min(1.0, self.rng.lognormvariate(math.log(self.key_median_s), self.key_sigma))

    def pause(self):
        if self.rng.random() < self.thinks:
            return self.rng.uniform(*self.think_s)
        while True:  # drawn again above the cap: a heap of pauses at the cap would be no rhythm
            pause = self.pause_least_s * self.rng.paretovariate(self.pause_tail)
            if pause <= self.cap_s:
                return pause

    def plan(self, length_s):
        """[(keys, gap after each key, silence after them)], about length_s in all."""
        steps, planned = [], 0.0
        while planned + self.cap_s < length_s:
            text = self.rng.choice(COMMANDS) + "\r"
            for part in self.in_parts(text):
                gaps = [self.key_gap() for _ in part]
                silence = self.pause()
                steps.append((part, gaps, silence))
                planned += sum(gaps) + silence
        return steps

    def in_parts(self, text):
        """Now and then a person stops in the middle of a line."""
        if self.rng.random() < 0.5:
            return [text]
        cut = self.rng.randrange(2, len(text))
        return [text[:cut], text[cut:]]


def type_line(terminal, person, text):
    for character in text + "\r":
        terminal.key(character)
        time.sleep(person.key_gap())


def follow(terminal, plan, who=None, noteworthy_s=0.0):
    for keys, gaps, silence in plan:
        if who:
            tell(f"{who} types {keys.strip()!r}" if keys.strip() else f"{who} presses Enter")
        for character, gap in zip(keys, gaps):
            terminal.key(character)
            time.sleep(gap)
        if who and silence >= noteworthy_s:
            tell(f"silence of {silence:.1f} s")
        time.sleep(silence)


def sit_down(host):
    terminal = Terminal(host, ["bash", "--login", "-i"])
    terminal.wait_for(f"{host}:", 0)
    return terminal


def log_in(terminal, person, destination):
    since = terminal.mark()
    type_line(terminal, person, f"ssh -tt {destination}")
    terminal.wait_for(f"{destination}:~", since)


def log_out(terminal, person, back_at):
    since = terminal.mark()
    type_line(terminal, person, "exit")
    terminal.wait_for(f"{back_at}:~", since)


def walk_chain(stones, person, plan, scenario):
    """One terminal at the first stone; every key crosses the whole chain."""
    terminal = sit_down(stones[0])
    for here, there in zip(stones, stones[1:]):
        tell(f"{here} logs in to {there}")
        log_in(terminal, person, there)
        time.sleep(scenario.step_s * person.rng.uniform(0.8, 1.2))
    follow(terminal, plan, f"the person at {stones[0]}, on {stones[-1]},", scenario.idle_s)
    for here, there in reversed(list(zip(stones, stones[1:]))):
        tell(f"{there} is left")
        log_out(terminal, person, here)
        time.sleep(person.rng.uniform(0.4, 0.8))
    terminal.key("\x04")
    terminal.close()


def interactive(session, person, plan):
    terminal = sit_down(session.src)
    log_in(terminal, person, session.dst)
    follow(terminal, plan)
    log_out(terminal, person, session.src)
    terminal.key("\x04")
    terminal.close()
