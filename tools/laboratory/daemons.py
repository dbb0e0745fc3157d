"""The community's spoords: started, listened to, asked, killed."""
import json
import os
import selectors
import signal
import subprocess
import threading
import time

from . import enclosure, members, process

READY_S = 60
ROOM = enclosure.ROOM + "/community"
FAULTS = ("Sanitizer", "runtime error", "CHECK failed")


def home(name):
    return f"{ROOM}/{name}"


class Daemons:
    def __init__(self, folder, delay):
        self.folder = folder
        self.delay = delay  # of --dev-impair
        self.processes = {}
        self.said = {m.name: [] for m in members.MEMBERS}  # (monotonic time, line)
        self.ears = selectors.DefaultSelector()
        threading.Thread(target=self.listen, daemon=True).start()

    def found(self):
        os.makedirs(ROOM, mode=0o700)
        for root in members.ROOTS:
            self.run("init", "--community", home(root), "--name", root)
        for m in members.MEMBERS:
            self.init(m)

    def init(self, m):
        others = [root for root in members.ROOTS if root != m.root]
        argv = ["init", home(m.name), "--name", m.name, "--org", m.org,
                "--sign", f"{home(m.root)}/root.key", "--listen", m.listen,
                "--prefix", m.wan, "--map-size", "64MiB", "--keep", "forever",
                "--idle-timeout", "3s"]
        for root in others:
            argv += ["--root", f"{home(root)}/root.pub"]
        if m.has_v6:
            argv += ["--prefix", m.wan6]
        if m.name != members.BOOTSTRAP:
            bootstrap = members.member(members.BOOTSTRAP)
            argv += ["--bootstrap", f"{bootstrap.wan}:{members.PORT}"]
        self.run(*argv)
        path = home(m.name) + "/spoord.yaml"
        enclosure.write(path, settle(m, enclosure.read(path)))

    def start(self, names):
        """All of them at once; returns when all are ready."""
        since = {name: len(self.said[name]) for name in names}
        for name in names:
            daemon = process.start(name, [
                self.folder + "/spoord", "--config", home(name) + "/spoord.yaml", "--verbose",
                "--dev-impair", self.delay], stderr=subprocess.PIPE)
            self.processes[name] = daemon
            self.ears.register(daemon.stderr, selectors.EVENT_READ, (name, [b""]))
        deadline = time.monotonic() + READY_S
        for name in names:
            while not self.heard(name, ": ready at ", since[name]):
                if self.processes[name].poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"spoord of {name} is not ready: {self.last_words(name)}")
                time.sleep(0.02)

    def listen(self):
        """One thread for all: a line counts from when it was read."""
        while True:
            for key, _ in self.ears.select():
                self.take(key.fileobj, *key.data)

    def take(self, pipe, name, rest):
        data = os.read(pipe.fileno(), 65536)
        if not data:
            self.ears.unregister(pipe)
            pipe.close()
            return
        *lines, rest[0] = (rest[0] + data).split(b"\n")
        now = time.monotonic()
        self.said[name] += [(now, line.decode(errors="replace")) for line in lines]

    def heard(self, name, text, since=0):
        """When it said so, after its first `since` lines; None: it did not."""
        return next((when for when, line in self.said[name][since:] if text in line), None)

    def last_words(self, name):
        return " | ".join(line for _, line in self.said[name][-3:])

    def kill(self, names):
        for name in names:
            self.processes[name].send_signal(signal.SIGKILL)
        for name in names:
            self.processes.pop(name).wait()

    def freeze(self, names):
        for name in names:
            self.processes[name].send_signal(signal.SIGSTOP)

    def run(self, *arguments, codes=(0,)):
        """spoor ARGUMENTS; (code, stdout)."""
        done = subprocess.run([self.folder + "/spoor", *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        if done.returncode not in codes:
            raise RuntimeError(f"spoor {' '.join(arguments)}: exit {done.returncode}: "
                               f"{done.stderr.strip()}")
        return done.returncode, done.stdout

    def ask(self, name, *arguments, codes=(0,)):
        return self.run("--socket", home(name) + "/spoord.sock", *arguments, codes=codes)

    def status(self, name):
        return json.loads(self.ask(name, "status", "--json")[1])

    def peers(self, name):
        """{name: row} of whom it knows."""
        rows = self.ask(name, "peers", "--ndjson", codes=(0, 1))[1].splitlines()
        return {row["name"]: row for row in map(json.loads, rows)}

    def dead(self):
        """Those that should live and do not."""
        return [name for name, daemon in self.processes.items() if daemon.poll() is not None]

    def ill(self):
        """Those that have said that something is wrong with them."""
        return [name for name, lines in self.said.items()
                if any(fault in line for _, line in lines for fault in FAULTS)]

    def stop(self):
        """Asks all to end; {name: exit code}."""
        for daemon in self.processes.values():
            daemon.terminate()
        codes = {}
        for name, daemon in self.processes.items():
            try:
                codes[name] = daemon.wait(20)
            except subprocess.TimeoutExpired:
                codes[name] = None
                daemon.kill()
        time.sleep(0.1)  # their last words
        return codes


def settle(m, text):
    """What `spoor init` has no option for."""
    overlay = []
    if m.is_behind_nat:
        overlay.append('advertise: ["none"]')
    if m.has_v6:
        overlay.append(f'listen6: "[{m.wan6}]:{members.PORT}"')
    lines = "".join(f"  {line}\n" for line in overlay)
    return "notices: [revoked.list]\n" + text.replace("overlay:\n", "overlay:\n" + lines, 1)


def usage_of(daemon):
    """(CPU seconds, resident octets) of a process."""
    with open(f"/proc/{daemon.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return (ticks / os.sysconf("SC_CLK_TCK"), int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))
