"""Starting programs inside a namespace, each in a process group of its own."""
import os
import signal
import subprocess


def argv_in(namespace, argv, hostname=False):
    prefix = ["ip", "netns", "exec", namespace]
    if hostname:  # its own host name, so that a prompt says where one is
        prefix += ["unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"', namespace]
    return prefix + list(argv)


def start(namespace, argv, hostname=False, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.DEVNULL)
    options.setdefault("stderr", subprocess.DEVNULL)
    return subprocess.Popen(argv_in(namespace, argv, hostname), start_new_session=True, **options)


def stop(process, grace_s=3):
    """Ends a process group: asks, then insists."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, number)
            process.wait(grace_s)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
