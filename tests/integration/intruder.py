"""Somebody comes in from elsewhere, for origin_files.sh: prints where from, and obeys a FIFO.

    intruder.py FIFO    "came ADDR:PORT", "port PORT"; the shell that reads the FIFO has its origin
"""
import os
import socket
import sys


def main():
    server = socket.create_server(("127.0.0.1", 0))
    if os.fork() == 0:
        caller = socket.create_connection(server.getsockname())
        caller.recv(1)  # until the other end is gone
        os._exit(0)
    session, peer = server.accept()
    print(f"came 127.0.0.1:{peer[1]}", flush=True)
    print(f"port {server.getsockname()[1]}", flush=True)
    os.set_inheritable(session.fileno(), True)
    if os.fork() == 0:
        with open(sys.argv[1], encoding="utf-8") as fifo:
            os.dup2(fifo.fileno(), 0)
        os.execv("/bin/bash", ["bash"])
    while True:  # for those whom the files start
        server.accept()


main()
