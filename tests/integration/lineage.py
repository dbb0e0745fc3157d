"""Processes with a past, for origin_bpf.sh: prints "name pid" of each, and lets them live a while.

    server     accepts, from this host
    child      of a server that has accepted a connection
    grandson   its child, after it has given up uid 0; sends the server three datagrams
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
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        for _ in range(3):
            datagrams.sendto(b"datagram", address)


def main():
    spawn(lambda: tell("stranger"))
    server = socket.create_server(("127.0.0.1", 0))
    address = server.getsockname()
    datagrams = socket.socket(type=socket.SOCK_DGRAM)
    datagrams.bind(address)
    print(f"port {address[1]}", flush=True)
    tell("server")
    caller = spawn(lambda: socket.create_connection(address))
    first, _ = server.accept()
    print(f"came 127.0.0.1:{first.getpeername()[1]}", flush=True)
    spawn(lambda: child(address))
    second, _ = server.accept()
    print(f"hop 127.0.0.1:{second.getpeername()[1]}", flush=True)
    spawn(lambda: tell("again"))
    for _ in range(3):
        datagrams.recvfrom(100)
    time.sleep(LIFE_S)
    os.kill(caller, 9)


main()
