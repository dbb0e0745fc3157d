"""Forged datagrams of every kind, as a stranger makes them who has read all that is public."""
import collections
import hashlib
import os
import socket
import struct
import subprocess
import threading
import time

from . import daemons, enclosure, members, process

PROGRAM = enclosure.ROOM + "/flood"
FORMS = enclosure.ROOM + "/forged"
EACH = 64  # datagrams of each kind
MAC = 16
KNOCKS = 4  # kept
ETH_P_ALL = 3
IP_UDP_LEN = 28
# counters of `spoor status` that must rise
REASONS = ("malformed", "unknown", "forged", "unasked", "cookies", "over_budget")

Known = collections.namedtuple("Known", "node_id root knock")  # to the stranger


class Tap:
    """Keeps the KNOCKs that come by on their way to the bootstrap node: their cards are in clear."""

    def __init__(self):
        self.knocks = {}  # by IPv4 source
        with enclosure.inside("wan"):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
            self.socket.bind((members.BOOTSTRAP, ETH_P_ALL))
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while len(self.knocks) < KNOCKS:
            packet = self.socket.recv(2048)
            payload = packet[IP_UDP_LEN:]
            if payload[:4] == head(KNOCK) and len(payload) == KNOCK_LEN:
                self.knocks[socket.inet_ntoa(packet[12:16])] = payload
        self.socket.close()

    def knock_but(self, address):
        """One, but not from there."""
        return next(knock for source, knock in self.knocks.items() if source != address)


def start(world, victim, rate, length_s):
    build()
    node_id = bytes.fromhex(world.daemons.status(victim.name)["id"])
    known = Known(node_id, root_key(victim.root), world.tap.knock_but(victim.wan))
    with open(FORMS, "wb") as file:
        for number in range(EACH):
            for kind in KINDS:
                data = kind(number, known)
                file.write(struct.pack("!H", len(data)) + data)
    return process.start("stranger", [PROGRAM, victim.wan, str(members.PORT), str(rate),
                                      str(length_s), FORMS],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(stranger):
    """How many it has sent."""
    said, _ = stranger.communicate()
    if stranger.returncode != 0:
        raise RuntimeError(f"flood: exit {stranger.returncode}: {said.strip()}")
    return int(said.split()[0])


def build():
    source = os.path.join(os.path.dirname(os.path.realpath(__file__)), "flood.c")
    done = subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-o", PROGRAM, source],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"cc {source}: {done.stderr.strip()}")


def root_key(root):
    """The public key of a root is no secret."""
    text = enclosure.read(daemons.home(root) + "/root.pub")
    return bytes.fromhex(text.split()[-1])


def digest(domain, data):
    return hashlib.blake2b(domain + b"\0" + data, digest_size=32).digest()


def mac(key, data):
    return hashlib.blake2b(data, key=key, digest_size=MAC).digest()


def head(kind):
    return bytes([kind, 1, 0, 0])


def noise(number, length):
    """Octets that look like nothing; the same in every run."""
    return hashlib.shake_128(struct.pack("!I", number)).digest(length)


# The kinds of proto/wire/packet.h, with their lengths.
DATA, INIT, RESPONSE, COOKIE, KNOCK, WELCOME = range(1, 7)
INIT_LEN, COOKIE_LEN, KNOCK_LEN = 842, 64, 1088
NONCE, SIGNATURE = 16, 64
KNOCK_SIGNED = KNOCK_LEN - MAC - SIGNATURE


def garbage(number, _):
    return noise(number, 1 + number * 19)


def data_for_a_guess(number, _):
    return head(DATA) + noise(number, 1200)


def unsigned_init(number, _):
    return head(INIT) + noise(number, INIT_LEN - 4)


def addressed_init(number, known):
    """Who knows the node's id makes the first mac, but not what is behind it."""
    body = head(INIT) + noise(number, INIT_LEN - 4 - 2 * MAC)
    return body + mac(digest(b"spoor mac1", known.node_id), body) + bytes(MAC)


def unsigned_knock(number, _):
    return head(KNOCK) + noise(number, KNOCK_LEN - 4)


def addressed_knock(number, known):
    """Who knows the root's public key makes a knock that is looked into."""
    return addressed(head(KNOCK) + noise(number, KNOCK_LEN - 4 - MAC), known)


def stolen_knock(number, known):
    """Under a card seen on the wire, of now: all is in order but the signature.

    That looks like one (its number is below the group's order), so that checking it takes long.
    """
    nonce, sent = noise(number, NONCE), struct.pack("!Q", int(time.time() * 1000))
    card = known.knock[4 + NONCE + 8:KNOCK_SIGNED]
    signature = noise(number, SIGNATURE - 1) + b"\x01"
    return addressed(head(KNOCK) + nonce + sent + card + signature, known)


def addressed(body, known):
    return body + mac(digest(b"spoor knock", known.root), digest(b"spoor knock mac 1", body))


def cookie_for_a_guess(number, _):
    return head(COOKIE) + noise(number, COOKIE_LEN - 4)


KINDS = (garbage, data_for_a_guess, unsigned_init, addressed_init, unsigned_knock,
         addressed_knock, stolen_knock, cookie_for_a_guess)
