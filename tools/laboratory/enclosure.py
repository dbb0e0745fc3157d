"""A private world for one run, and its end.

    lab                 waits outside and hands signals on
      keeper            process 1 of a new PID namespace
        worker          builds the laboratory and runs the scenario

All network namespaces, mounts, temporary files and processes live inside the keeper's namespaces.
When the keeper ends, for whatever reason, the kernel ends every process in there and frees the
rest. The keeper ends when the worker does, and dies with the lab, even by kill -9: so there is no
way to leave something behind, and nothing to find and undo.
"""
import contextlib
import ctypes
import os
import select
import signal
import sys

LIBC = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG = 1
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_S = 8  # after a signal the worker has this long to end by itself

ROOM = "/run/lab"  # temporary files of one run; a tmpfs that only the run can see
HOME = ROOM + "/home"
MARK = "SPOOR_LAB"  # in the environment of every process of a run: the pid of its lab

# source, target, type: what a run must not share with the machine. /var/log because sshd writes
# lastlog and wtmp, /run because sshd, softflowd and ip write there.
MOUNTS = (
    ("proc", "/proc", "proc"),
    ("tmpfs", "/run", "tmpfs"),
    ("tmpfs", "/var/log", "tmpfs"),
)


SKIP = 77  # exit code of a run that cannot be one


class Refused(Exception):
    """This machine cannot run a laboratory; the text says why in one line."""


class Stopped(Exception):
    """A person or a program asked the run to end."""


def run(work):
    """Runs work() in a private world; its return value becomes the exit code."""
    os.environ[MARK] = str(os.getpid())
    alive_read, alive_write = os.pipe()
    try:
        unshare(CLONE_NEWPID)
    except OSError as error:
        raise Refused(f"cannot make namespaces here: {error.strerror}")
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)  # until each process has its handlers
    keeper = os.fork()
    if keeper == 0:
        os.close(alive_write)
        os._exit(keep(work, alive_read))
    os.close(alive_read)
    hand_on_signals(keeper)
    return exit_code(os.waitpid(keeper, 0)[1])


def hand_on_signals(keeper):
    def end_now(*_):
        os.kill(keeper, signal.SIGKILL)

    def end_soon(*_):
        os.kill(keeper, signal.SIGTERM)
        signal.alarm(GRACE_S)

    signal.signal(signal.SIGALRM, end_now)
    for number in ENDINGS:
        signal.signal(number, end_soon)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)


def keep(work, alive):
    """Process 1: starts the worker, reaps what is orphaned, ends with the worker."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if select.select([alive], [], [], 0)[0]:
        return 1  # the lab died before prctl
    os.setsid()  # Ctrl-C reaches only the lab, which hands it on
    unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)
    furnish()
    worker = os.fork()
    if worker == 0:
        os._exit(work_until_stopped(work))
    for number in ENDINGS:
        signal.signal(number, lambda *_: os.kill(worker, signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
    while True:
        pid, status = os.wait()
        if pid == worker:
            return exit_code(status)


def work_until_stopped(work):
    def stop(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
        code = work()
    except Stopped:
        print("lab: stopped; nothing is left", file=sys.stderr)
        code = 130
    except Refused as refusal:
        print(f"lab: {refusal}", file=sys.stderr)
        code = SKIP
    except Exception as error:  # one line for a person; the traceback for whoever asks
        if os.environ.get("SPOOR_LAB_TRACEBACK"):
            raise
        print(f"lab: {type(error).__name__}: {error}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def furnish():
    """Private mounts, and a home for root that is not root's home."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    for source, target, kind in MOUNTS:
        mount(source, target, kind, 0)
    for path in (ROOM, HOME, HOME + "/.ssh", "/run/sshd", "/run/netns", "/run/softflowd/chroot"):
        os.makedirs(path, mode=0o700, exist_ok=True)
    for path in ("/run/sshd", "/run/softflowd", "/run/softflowd/chroot"):
        os.chmod(path, 0o755)
    write(HOME + "/.bash_profile", "PS1='\\h:\\w\\$ '\nunset HISTFILE PROMPT_COMMAND\n")
    cover("/etc/passwd", move_root(read("/etc/passwd")))
    cover("/etc/shadow", lock_passwords(read("/etc/passwd")))
    os.environ.update(HOME=HOME, TMPDIR=ROOM, SHELL="/bin/bash")
    os.chdir(HOME)


def move_root(passwd):
    lines = [line for line in passwd.splitlines() if not line.startswith("root:")]
    return "\n".join([f"root:x:0:0:root:{HOME}:/bin/bash"] + lines) + "\n"


def lock_passwords(passwd):
    """No password opens an account; a key may. ("!" would lock root for keys as well.)"""
    return "".join(f"{line.split(':')[0]}:*:1::::::\n" for line in passwd.splitlines() if line)


def cover(path, text):
    private = ROOM + "/" + os.path.basename(path)
    write(private, text)
    os.chmod(private, os.stat(path).st_mode & 0o777)
    mount(private, path, None, MS_BIND)


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)


def checked(result, what):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags):
    checked(LIBC.unshare(flags), "unshare")


def mount(source, target, kind, flags):
    kind = kind.encode() if kind else None
    checked(LIBC.mount(source.encode(), target.encode(), kind, ctypes.c_ulong(flags), None),
            f"mount {target}")


@contextlib.contextmanager
def inside(name):
    """This thread is in network namespace NAME for a while: sockets made here stay there."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open("/run/netns/" + name, os.O_RDONLY)
    try:
        checked(LIBC.setns(there, CLONE_NEWNET), "setns")
        yield
    finally:
        checked(LIBC.setns(here, CLONE_NEWNET), "setns")
        os.close(here)
        os.close(there)


def exit_code(status):
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def orphans():
    """Pids of processes that belong to a run whose lab is dead."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                environment = dict(v.split(b"=", 1) for v in file.read().split(b"\0") if b"=" in v)
        except OSError:
            continue
        lab = environment.get(MARK.encode(), b"").decode()
        if lab.isdigit() and not os.path.exists(f"/proc/{lab}"):
            found.append(int(entry))
    return found
