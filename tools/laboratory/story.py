"""Tells on stderr what happens, a line each with the elapsed time, while a person watches."""
import sys
import threading
import time

_lock = threading.Lock()
_start = time.monotonic()
loud = sys.stderr.isatty()


def tell(text):
    if loud:
        with _lock:
            print(f"{time.monotonic() - _start:6.1f} s  {text}", file=sys.stderr, flush=True)
