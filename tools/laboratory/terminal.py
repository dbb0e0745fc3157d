"""One terminal: a program on a pty, keys in, screen out."""
import fcntl
import os
import pty
import termios
import threading
import time

from . import process

ECHO_PATIENCE_S = 15


class Terminal:
    def __init__(self, namespace, argv):
        self.master, slave = pty.openpty()
        self.screen = b""
        self.changed = threading.Condition()
        self.process = process.start(
            namespace, argv, hostname=True, stdin=slave, stdout=slave, stderr=slave,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # the other end closed
                data = b""
            with self.changed:
                self.screen += data
                self.changed.notify_all()
            if not data:
                return

    def key(self, character):
        os.write(self.master, character.encode())

    def mark(self):
        with self.changed:
            return len(self.screen)

    def wait_for(self, text, since, patience_s=ECHO_PATIENCE_S):
        with self.changed:
            if not self.changed.wait_for(lambda: text.encode() in self.screen[since:], patience_s):
                raise RuntimeError(f"no {text!r} on the screen; it ends with "
                                   f"{self.screen[-200:]!r}")

    def close(self):
        deadline = time.monotonic() + 2
        while self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.stop(self.process)
