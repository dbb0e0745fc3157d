"""Reads conntrack events of the gateways: each connection before and after NAT, with its times."""
import selectors
import socket
import struct
import threading
import time
from dataclasses import dataclass

from . import enclosure

NETLINK_NETFILTER = 12
GROUPS = 0b111  # new, update, destroy
CT_NEW = 0x100  # subsystem 1, message 0: new or update
ORIG, REPLY, PROTOINFO, ID = 1, 2, 4, 12
TUPLE_IP, TUPLE_PROTO = 1, 2
V4_SRC, V4_DST = 1, 2
PROTO_NUM, SRC_PORT, DST_PORT = 1, 2, 3
TCP, TCP_STATE = 1, 1
FIN_WAIT = 4  # this TCP state and all after it: the connection is ending
SO_RCVBUFFORCE = 33
BUFFER = 8 << 20


@dataclass
class Tracked:
    gateway: str
    orig: tuple  # src, sport, dst, dport
    reply: tuple
    start: float
    end: float = 0.0  # last change of a closing connection; 0 while it is open


class Watcher:
    def __init__(self, gateways):
        self.connections = {}
        self.selector = selectors.DefaultSelector()
        for gateway in gateways:
            with enclosure.inside(gateway.name):
                events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
            events.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
            events.bind((0, GROUPS))
            self.selector.register(events, selectors.EVENT_READ, gateway.name)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            for key, _ in self.selector.select():
                now = time.time()
                for kind, attributes in messages(key.fileobj.recv(1 << 16)):
                    if kind == CT_NEW:
                        self.note(key.data, now, attributes)

    def note(self, gateway, now, attributes):
        protocol, orig = read_tuple(attributes[ORIG])
        if protocol != socket.IPPROTO_TCP:
            return
        reply = read_tuple(attributes[REPLY])[1]
        key = (gateway, attributes.get(ID), orig)
        tracked = self.connections.setdefault(key, Tracked(gateway, orig, reply, now))
        state = tcp_state(attributes)
        if state and state >= FIN_WAIT:
            tracked.end = now


def messages(data):
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        yield kind, attributes_of(data[20:length])  # 16 bytes netlink, 4 bytes nfnetlink header
        data = data[(length + 3) & ~3:]


def attributes_of(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def read_tuple(data):
    parts = attributes_of(data)
    address, protocol = attributes_of(parts[TUPLE_IP]), attributes_of(parts[TUPLE_PROTO])
    number = protocol[PROTO_NUM][0]
    if V4_SRC not in address or SRC_PORT not in protocol:
        return number, None
    return number, (socket.inet_ntoa(address[V4_SRC]), struct.unpack("!H", protocol[SRC_PORT])[0],
                    socket.inet_ntoa(address[V4_DST]), struct.unpack("!H", protocol[DST_PORT])[0])


def tcp_state(attributes):
    if PROTOINFO not in attributes:
        return None
    state = attributes_of(attributes_of(attributes[PROTOINFO]).get(TCP, b"")).get(TCP_STATE)
    return state[0] if state else None
