"""The scenarios, as tables: who is where, who talks to whom, how fast."""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Gateway:
    name: str
    number: int  # LAN 10.number.0.0/24, management address 10.255.0.number
    wan: str
    exporter: bool
    random_ports: bool  # source NAT picks ports at random, or keeps them where it can

    lan = property(lambda self: f"10.{self.number}.0.0/24")
    router = property(lambda self: f"10.{self.number}.0.1")
    management = property(lambda self: f"10.255.0.{self.number}")
    lan_prefix = property(lambda self: f"10.{self.number}.0.")


@dataclass(frozen=True)
class Host:
    name: str
    gateway: str
    last: int  # last octet of the LAN address
    public_port: int  # of the gateway's WAN address, forwarded to this host's sshd


@dataclass(frozen=True)
class Manner:
    """How a person types: ranges from which each person's own values are drawn."""
    key_median_s: tuple = (0.12, 0.20)
    key_sigma: tuple = (0.4, 0.6)
    thinks: tuple = (0.2, 0.4)  # share of pauses that are short
    think_s: tuple = (0.5, 2.0)
    pause_least_s: tuple = (4.0, 4.3)  # Pareto: least value and tail
    pause_tail: tuple = (1.2, 1.7)
    pause_cap_s: float = 9.0


@dataclass(frozen=True)
class Session:
    name: str
    kind: str  # interactive, cron, monitor, http
    src: str
    dst: str
    start_s: float = 0.0
    length_s: float = 0.0
    period_s: float = 0.0


@dataclass(frozen=True)
class Scenario:
    name: str
    about: str
    idle_s: int = 3
    active_s: int = 30
    typing_s: float = 90.0  # on the victim
    step_s: float = 3.0  # between the log-ins
    tail_s: float = 4.0  # after the last log-out: exporters end their flows
    manner: Manner = Manner()
    background: tuple = field(default=())


GATEWAYS = (
    Gateway("R1", 1, "198.51.100.1", True, True),
    Gateway("R2", 2, "203.0.113.2", True, False),
    Gateway("R3", 3, "192.0.2.3", False, True),
    Gateway("R4", 4, "198.51.100.4", True, True),
    Gateway("R5", 5, "203.0.113.5", True, False),
)
WAN_PREFIXES = ("198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24")
ORGANISATIONS = {"R1": "Example One", "R2": "Example Two", "R4": "Example Four",
                 "R5": "Example Five"}

HOSTS = (
    Host("HA", "R1", 10, 22), Host("b11", "R1", 21, 2221), Host("b12", "R1", 22, 2222),
    Host("HS1", "R2", 10, 22), Host("b21", "R2", 21, 2221), Host("b22", "R2", 22, 2222),
    Host("HS2", "R3", 10, 22), Host("b31", "R3", 21, 2221),
    Host("HV", "R4", 10, 22), Host("b41", "R4", 21, 2221), Host("b42", "R4", 22, 2222),
    Host("b51", "R5", 21, 22), Host("b52", "R5", 22, 2222), Host("b53", "R5", 23, 2223),
)
CHAIN = ("HA", "HS1", "HS2", "HV")
WEB_PORT = 8080  # of R2's WAN address, forwarded to WEB_HOST
WEB_HOST = "b22"

# Two sessions of unrelated hosts with one rhythm are the trap: their fingerprints agree, and no
# score can tell them from a chain.
CHAIN_BACKGROUND = (
    Session("bg01", "interactive", "b52", "HV", 2, 95),
    Session("bg02", "interactive", "b12", "HV", 12, 85),
    Session("bg03", "interactive", "b41", "HS1", 5, 90),
    Session("bg04", "interactive", "HS1", "b53", 20, 75),
    Session("bg05", "interactive", "HA", "b21", 9, 88),
    Session("bg06", "interactive", "b31", "b42", 16, 80),
    Session("bg07", "interactive", "b51", "b11", 3, 100),
    Session("bg08", "interactive", "b42", "b51", 25, 70),
    Session("cronA", "cron", "b11", "b42", 2, 102, 10),
    Session("cronB", "cron", "b53", "b22", 3, 101, 10),
    Session("mon", "monitor", "b21", "b41", 4, 98, 3),
    Session("http", "http", "b12", WEB_HOST, 4, 98, 5),
)
SHORT_BACKGROUND = (
    Session("bg01", "interactive", "b52", "HV", 1, 74),
    Session("bg02", "interactive", "b41", "HS1", 2, 72),
    Session("bg03", "interactive", "HA", "b21", 3, 70),
    Session("cronA", "cron", "b11", "b42", 1, 76, 5),
    Session("cronB", "cron", "b53", "b22", 2, 75, 5),
    Session("mon", "monitor", "b21", "b41", 2, 76, 3),
)

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "chain",
            "HA > HS1 > HS2 (no exporter) > HV, typed by a person, 12 others talking; about 115 s",
            background=CHAIN_BACKGROUND,
        ),
        Scenario(
            "short",
            "the same chain with a 1 s idle timeout and 6 others; about 90 s",
            # Pauses are 2 s above the timeout, the grain of softflowd's idle expiry, and of several
            # lengths: those of a machine would prove nothing.
            idle_s=1, active_s=10, typing_s=70.0, step_s=0.8, tail_s=3.0,
            manner=Manner(key_median_s=(0.07, 0.1), thinks=(0.1, 0.2), think_s=(0.3, 0.5),
                          pause_least_s=(3.05, 3.1)),
            background=SHORT_BACKGROUND,
        ),
    )
}


@dataclass(frozen=True)
class Community:
    """Steps of steps.py, in order, with their settings."""
    name: str
    about: str
    steps: tuple


COMMUNITIES = {
    community.name: community
    for community in (
        Community(
            "community",
            "32 nodes: lossy, cut in two, flooded, a third killed and back; about 60 s",
            (("join", {"within_s": 20}), ("clean", {}), ("lossy", {"percent": 10}),
             ("flooded", {"rate": 20000, "length_s": 4}), ("partition", {"outcast": "N31"}),
             ("churn", {"stone": "back"}), ("comeback", {"within_s": 60})),
        ),
        Community(
            "community-full",
            "32 nodes: all of that, one way, one family, other thirds; about 4 minutes",
            (("join", {"within_s": 20}), ("clean", {}), ("lossy", {"percent": 10}),
             ("revoke", {"outcast": "N30"}), ("flooded", {"rate": 20000, "length_s": 10}),
             ("partition", {"outcast": "N31"}), ("partition", {"one_way": True}),
             ("families", {"other": "R1", "within_s": 120}), ("asker_dies", {"within_s": 60}),
             ("churn", {}), ("comeback", {"within_s": 60}),
             ("churn", {"stone": "back"}), ("comeback", {"within_s": 60}),
             ("churn", {"stone": "dead"}), ("comeback", {"within_s": 60})),
        ),
        Community(
            "community-flood",
            "32 nodes, one of them flooded at three rates; about 25 s",
            (("join", {"within_s": 20}), ("flooded", {"rate": 20000, "length_s": 5}),
             ("flooded", {"rate": 50000, "length_s": 5}),
             ("flooded", {"rate": 100000, "length_s": 5})),
        ),
    )
}
SLEEPERS = {  # name: (about, seconds between the two sessions)
    "sleeper": ("HA > HS1, and 20 s after that session's end HS1 > HV; about 100 s", 20),
    "sleeper-5min": ("the same with five minutes between; about 380 s", 300),
}
QUIET = ("quiet", "measures how late softflowd sees packets, stock and immediate; about 70 s")


def gateway(name):
    return next(g for g in GATEWAYS if g.name == name)


def host(name):
    return next(h for h in HOSTS if h.name == name)


def lan_address(h):
    return gateway(h.gateway).lan_prefix + str(h.last)
