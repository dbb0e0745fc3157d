"""The community's members: who is where, under which root, behind what; and their network.

Each has a network namespace of its own on the WAN bridge. Addresses are those of documentation.
"""
from dataclasses import dataclass

from . import enclosure, scenarios, topology

PORT = 7667
COUNT = 32
ROOTS = ("east", "west")
CHAIN = ("R1", "R2", "R4", "R5")  # whose captures the recording holds
ASKER = "R4"
BOOTSTRAP = "N06"  # everybody's only one
ANNOUNCER = "N12"  # whose operator is told of a revocation
OUTCASTS = ("N30", "N31")  # who are revoked, one after the other
BEHIND_NAT = (9, 18, 27)
WAN6 = "2001:db8::/32"
STRANGER = "192.0.2.250"
SYSCTL6 = "/proc/sys/net/ipv6/conf/all/disable_ipv6"


@dataclass(frozen=True)
class Member:
    name: str
    number: int

    org = property(lambda self: f"Example {self.number}")
    root = property(lambda self: ROOTS[self.number // 2 % 2])
    half = property(lambda self: self.number % 2)  # of a partition
    is_behind_nat = property(lambda self: self.number in BEHIND_NAT)
    has_v6 = property(lambda self: self.number % 3 == 1)

    @property
    def wan(self):
        """Its address for others; behind NAT that of its gateway."""
        if self.name in CHAIN:
            return scenarios.gateway(self.name).wan
        net = scenarios.WAN_PREFIXES[self.number % 3].rpartition(".")[0]
        return f"{net}.{self.number}"

    @property
    def listen(self):
        return f"{f'10.{self.number}.0.2' if self.is_behind_nat else self.wan}:{PORT}"

    wan6 = property(lambda self: f"2001:db8:{self.number:x}::1")
    port = property(lambda self: f"G{self.number:02}" if self.is_behind_nat else self.name)


MEMBERS = tuple([Member(name, int(name[1:])) for name in CHAIN] +
                [Member(f"N{number:02}", number) for number in range(6, COUNT + 2)])


def member(name):
    return next(m for m in MEMBERS if m.name == name)


def half(number):
    return [m for m in MEMBERS if m.half == number]


def build():
    topology.add_namespace("wan")
    topology.ip("-n", "wan", lines=["link add br0 type bridge mcast_snooping 0",
                                    "link set br0 up"])
    for m in MEMBERS:
        attach(m.port, m.wan)
        if m.is_behind_nat:
            hide(m)
        elif m.has_v6:
            add_v6(m)
    attach("stranger", STRANGER)


def attach(namespace, address):
    topology.add_namespace(namespace)
    topology.ip("-n", "wan", lines=[
        f"link add {namespace} type veth peer name wan0 netns {namespace}",
        f"link set {namespace} master br0 up",
    ])
    topology.ip("-n", namespace, lines=[f"addr add {address}/32 dev wan0", "link set wan0 up"] + [
        f"route add {prefix} dev wan0 src {address}" for prefix in scenarios.WAN_PREFIXES])


def add_v6(m):
    with enclosure.inside(m.name):
        enclosure.write(SYSCTL6, "0")
    topology.ip("-n", m.name, lines=[f"addr add {m.wan6}/128 dev wan0 nodad",
                                     f"route add {WAN6} dev wan0 src {m.wan6}"])


def hide(m):
    """Behind a gateway that lets nobody in who was not spoken to first."""
    topology.add_namespace(m.name)
    topology.ip("-n", m.port, lines=[
        f"link add lan0 type veth peer name eth0 netns {m.name}",
        f"addr add 10.{m.number}.0.1/24 dev lan0", "link set lan0 up"])
    topology.ip("-n", m.name, lines=[
        f"addr add 10.{m.number}.0.2/24 dev eth0", "link set eth0 up",
        f"route add default via 10.{m.number}.0.1"])
    with enclosure.inside(m.port):
        enclosure.write("/proc/sys/net/ipv4/ip_forward", "1")
    topology.nft(m.port, NAT)


NAT = """
table ip nat {
    chain outbound {
        type nat hook postrouting priority srcnat
        oifname wan0 masquerade fully-random
    }
}
table ip guard {
    chain forward {
        type filter hook forward priority filter
        iifname wan0 ct state new drop
    }
    chain input {
        type filter hook input priority filter
        iifname wan0 ct state new drop
    }
}
"""
