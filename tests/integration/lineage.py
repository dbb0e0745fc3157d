"""Processes with a past, for origin_bpf.sh: prints "name pid" of each, and lets them live a while.

    child      of a server that has accepted a connection
    grandson   its child, after it has given up uid 0
    again      a child of the server's after it has accepted the grandson's connection: a self-hop
    stranger   has nothing to do with any of it
"""
import os
import socket
import sys
import time

LIFE_S = float(sys.argv[1])
kept = ["here".encode("idna")]  # loaded while the library can still be read


def tell(name):
    os.write(1, f"{name} {os.getpid()}\n".encode())


def spawn(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
            time.sleep(LIFE_S)
        finally:
            os._exit(0)
    return pid


def child(address):
    tell("child")
    spawn(lambda: grandson(address))


def grandson(address):
    os.setuid(65534)
    tell("grandson")
    kept.append(socket.create_connection(address))


def main():
    spawn(lambda: tell("stranger"))
    server = socket.create_server(("127.0.0.1", 0))
    address = server.getsockname()
    caller = spawn(lambda: socket.create_connection(address))
    first, _ = server.accept()
    print(f"came 127.0.0.1:{first.getpeername()[1]}", flush=True)
    spawn(lambda: child(address))
    second, _ = server.accept()
    print(f"hop 127.0.0.1:{second.getpeername()[1]}", flush=True)
    spawn(lambda: tell("again"))
    time.sleep(LIFE_S)
    os.kill(caller, 9)


main()
