"""What else goes on: other people, two cron-like jobs with one rhythm, a monitor, a web poll."""
import subprocess
import sys
import threading
import time

from . import human, process, scenarios
from .story import tell

# A job takes a while: two instants would never overlap, and the trap would not be one.
JOB = b"for i in 1 2 3 4 5; do date; sleep 0.4; done\n"
MONITOR = "while :; do date; sleep {period}; done"
POLL = """
import time, urllib.request
while True:
    urllib.request.urlopen("http://{address}:{port}/", timeout=3).read()
    time.sleep({period})
"""


class Background:
    def __init__(self, scenario, seed):
        self.began = time.monotonic()
        self.ok = {session.name: False for session in scenario.background}
        self.habits = {}
        self.threads = []
        for session in scenario.background:
            self.threads.append(self.thread(session, scenario, seed))

    def thread(self, session, scenario, seed):
        act = {"interactive": self.type, "cron": self.tick, "monitor": self.monitor,
               "http": self.poll}[session.kind]
        thread = threading.Thread(target=self.play, args=(act, session, scenario, seed),
                                  daemon=True)
        thread.start()
        return thread

    def play(self, act, session, scenario, seed):
        self.sleep_until(session.start_s)
        try:
            act(session, scenario, seed)
            self.ok[session.name] = True
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            tell(f"{session.name} ({session.src} to {session.dst}) failed: {error}")

    def type(self, session, scenario, seed):
        person = human.Person(seed, session.name, scenario.manner)
        self.habits[session.name] = person.habits()
        human.interactive(session, person, person.plan(session.length_s))

    def tick(self, session, scenario, seed):
        shell = process.start(session.src, ["ssh", session.dst, "sh"], stdin=subprocess.PIPE)
        due = first_tick(session)
        while due < session.start_s + session.length_s:
            self.sleep_until(due)
            shell.stdin.write(JOB)
            shell.stdin.flush()
            due += session.period_s
        shell.stdin.close()
        shell.wait(5)

    def monitor(self, session, scenario, seed):
        self.run_for(session, ["ssh", session.dst, MONITOR.format(period=session.period_s)])

    def poll(self, session, scenario, seed):
        wan = scenarios.gateway(scenarios.host(session.dst).gateway).wan
        self.run_for(session, [sys.executable, "-c", POLL.format(
            address=wan, port=scenarios.WEB_PORT, period=session.period_s)])

    def run_for(self, session, argv):
        program = process.start(session.src, argv)
        self.sleep_until(session.start_s + session.length_s)
        early = program.poll() is not None
        process.stop(program)
        if early:
            raise RuntimeError(f"{argv[0]} ended early with {program.returncode}")

    def sleep_until(self, seconds):
        time.sleep(max(0.0, self.began + seconds - time.monotonic()))

    def finish(self, patience_s=15):
        deadline = time.monotonic() + patience_s
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return self.ok


def first_tick(session):
    """All cron sessions of one period tick together, however late they logged in."""
    return (int(session.start_s / session.period_s) + 1) * session.period_s
