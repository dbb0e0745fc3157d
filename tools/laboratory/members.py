"""The community's members: who is where, under which root, behind what; and their network.

Each has a network namespace of its own behind one router, so that its neighbour table has one
entry: the kernel keeps 1024 for all namespaces together. Addresses are those of documentation.
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
ROUTER, ROUTER6 = "100.64.0.1", "fe80::1"  # the router's end of every link
SYSCTLS6 = {"net/ipv6/conf/all/disable_ipv6": "0", "net/ipv6/conf/default/disable_ipv6": "0",
            "net/ipv6/conf/default/accept_dad": "0"}
SYSCTLS_OF_ROUTER = {**SYSCTLS6, "net/ipv6/conf/all/forwarding": "1", "net/ipv4/ip_forward": "1",
                     "net/ipv4/conf/all/rp_filter": "0", "net/ipv4/conf/default/rp_filter": "0"}


@dataclass(frozen=True)
class Member:
    name: str
    number: int

    org = property(lambda self: f"Example {self.number}")
    root = property(lambda self: ROOTS[self.number // 2 % 2])
    half = property(lambda self: self.number % 2)  # of a partition
    is_behind_nat = property(lambda self: self.number in BEHIND_NAT)
    has_v6 = property(lambda self: self.number % 3 == 1 and not self.is_behind_nat)

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
    set_sysctls("wan", SYSCTLS_OF_ROUTER)
    topology.ip("-n", "wan", lines=[f"route add blackhole {prefix}"
                                    for prefix in scenarios.WAN_PREFIXES])
    for m in MEMBERS:
        topology.add_namespace(m.port)
        if m.has_v6:
            set_sysctls(m.port, SYSCTLS6)
        attach(m.port, m.wan)
        if m.has_v6:
            attach_v6(m)
        if m.is_behind_nat:
            hide(m)
    topology.add_namespace("stranger")
    attach("stranger", STRANGER)


def set_sysctls(namespace, values):
    with enclosure.inside(namespace):
        for key, value in values.items():
            enclosure.write("/proc/sys/" + key, value)


def attach(namespace, address):
    topology.ip("-n", "wan", lines=[
        f"link add {namespace} type veth peer name wan0 netns {namespace}",
        f"link set {namespace} up", f"addr add {ROUTER}/32 dev {namespace}",
        f"route add {address}/32 dev {namespace}",
    ])
    topology.ip("-n", namespace, lines=[
        f"addr add {address}/32 dev wan0", "link set wan0 up", f"route add {ROUTER} dev wan0",
        f"route add default via {ROUTER} src {address}",
    ])


def attach_v6(m):
    topology.ip("-n", "wan", lines=[f"addr add {ROUTER6}/64 dev {m.port} nodad",
                                    f"route add {m.wan6}/128 dev {m.port}"])
    topology.ip("-n", m.port, lines=[f"addr add {m.wan6}/128 dev wan0 nodad",
                                     f"route add {WAN6} via {ROUTER6} dev wan0 src {m.wan6}"])


def hide(m):
    """Behind a gateway that lets nobody in who was not spoken to first."""
    topology.add_namespace(m.name)
    topology.ip("-n", m.port, lines=[
        f"link add lan0 type veth peer name eth0 netns {m.name}",
        f"addr add 10.{m.number}.0.1/24 dev lan0", "link set lan0 up"])
    topology.ip("-n", m.name, lines=[
        f"addr add 10.{m.number}.0.2/24 dev eth0", "link set eth0 up",
        f"route add default via 10.{m.number}.0.1"])
    set_sysctls(m.port, {"net/ipv4/ip_forward": "1"})
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
