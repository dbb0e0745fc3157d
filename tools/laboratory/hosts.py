"""A real sshd on every host, with keys made for this run."""
import subprocess
import sys
import time

from . import enclosure, process, scenarios

SSHD_CONFIG = """
Port 22
AddressFamily inet
HostKey {room}/host_key
AuthorizedKeysFile {home}/.ssh/authorized_keys
PidFile none
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
PermitUserRC no
PrintMotd no
PrintLastLog no
UseDNS no
StrictModes no
"""

SSH_CONFIG = """
Host *
    AddressFamily inet
    User root
    IdentityFile {home}/.ssh/id_ed25519
    IdentitiesOnly yes
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    GlobalKnownHostsFile /dev/null
    LogLevel ERROR
"""

SSH_HOST = """
Host {name}
    HostName {wan}
    Port {port}
"""


def prepare():
    """Keys and configuration; root's home is the run's own (see enclosure)."""
    room, home = enclosure.ROOM, enclosure.HOME
    for path in (room + "/host_key", home + "/.ssh/id_ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "spoor-lab",
                        "-f", path], check=True)
    public = enclosure.read(home + "/.ssh/id_ed25519.pub")
    enclosure.write(home + "/.ssh/authorized_keys", public)
    enclosure.write(room + "/sshd_config", SSHD_CONFIG.format(room=room, home=home))
    names = "".join(
        SSH_HOST.format(name=h.name, wan=scenarios.gateway(h.gateway).wan, port=h.public_port)
        for h in scenarios.HOSTS)
    enclosure.write(home + "/.ssh/config", names + SSH_CONFIG.format(home=home))


def start(hosts=scenarios.HOSTS):
    argv = ["/usr/sbin/sshd", "-D", "-f", enclosure.ROOM + "/sshd_config"]
    daemons = {h.name: process.start(h.name, argv, hostname=True) for h in hosts}
    process.start(scenarios.WEB_HOST, [sys.executable, "-m", "http.server",
                                       str(scenarios.WEB_PORT), "--directory", enclosure.HOME])
    for host in hosts:
        wait_for_listener(host.name, daemons[host.name])


def wait_for_listener(namespace, daemon, port=22, patience_s=10):
    wanted = f":{port:04X} 00000000:0000 0A"
    for _ in range(patience_s * 20):
        with enclosure.inside(namespace):
            if wanted in enclosure.read("/proc/thread-self/net/tcp"):
                return
        if daemon.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"sshd of {namespace} does not listen")
