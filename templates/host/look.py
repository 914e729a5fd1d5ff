"""Looks at a host and prints what it sees as one JSON document; changes nothing.

Sent to `python3 -` over SSH, so: standard library only, Python 3.8, bounded in time.
Arguments: how the login may become root, the login's name, and the port of its SSH connection or 0.
What cannot be seen keeps an empty value.
"""

import fcntl
import json
import os
import pwd
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

SECONDS = 5
RECORD = "/etc/instancectl/host.json"
CURRENT = "/opt/instancectl/current"


def output(*command: str) -> str:
    """What a command prints; empty when it is missing, fails or hangs."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            env=dict(os.environ, LC_ALL="C"),
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def text(path: str) -> str:
    """A file's content; empty when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def system() -> dict:
    """The distribution, from os-release."""
    pairs = re.findall(r'^([A-Z_]+)="?([^"\n]*)"?$', text("/etc/os-release"), re.MULTILINE)
    said = dict(pairs)
    return {
        "hostname": socket.gethostname(),
        "system": said.get("ID", ""),
        "version": said.get("VERSION_ID", ""),
        "codename": said.get("VERSION_CODENAME", ""),
        "machine": os.uname().machine,
        "systemd": os.path.isdir("/run/systemd/system"),
        "container": output("systemd-detect-virt", "--container").strip().replace("none", ""),
        "clock_epoch_seconds": int(time.time()),
    }


def pythons() -> dict:
    """Interpreters that are new enough, and whether apt has one; a fresh host may have no lists yet."""
    names = ["3.%d" % minor for minor in range(11, 20)]
    found = [name for name in names if shutil.which("python" + name)]
    offered = bool(found) or "Package: python3.11" in output("apt-cache", "show", "python3.11")
    if not offered and not lists():
        offered = bool(shutil.which("apt-get"))
    return {"python": "%d.%d" % sys.version_info[:2], "pythons": found, "python_offered": offered}


def lists() -> bool:
    """Whether apt ever fetched its lists."""
    try:
        return any("Packages" in name for name in os.listdir("/var/lib/apt/lists"))
    except OSError:
        return False


def room() -> dict:
    """Memory, cores, disk."""
    memory = dict(re.findall(r"^(\w+):\s+(\d+) kB", text("/proc/meminfo"), re.MULTILINE))
    disk = os.statvfs("/")
    return {
        "memory_bytes": int(memory.get("MemTotal", 0)) * 1024,
        "swap_bytes": int(memory.get("SwapTotal", 0)) * 1024,
        "cores": os.cpu_count() or 0,
        "disk_free_bytes": (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail) * disk.f_frsize,
    }


def addresses() -> list:
    """Global addresses of interfaces that lead outside: none of Docker's bridges, no mesh."""
    inside = re.compile(r"^(lo|docker|br-|veth|instancectl|vxlan)")
    found = []
    for option in ("-4", "-6"):
        said = output("ip", option, "-json", "address", "show", "scope", "global") or "[]"
        for interface in json.loads(said):
            if not inside.match(interface.get("ifname", "lo")):
                for one in interface.get("addr_info", []):
                    if one.get("local") and not one.get("temporary") and not one.get("deprecated"):
                        found.append(one["local"])
    return found


def held_by(path: str) -> str:
    """Which process holds a lock on a file, e.g. `apt-get (pid 812)`; asks the kernel, takes nothing."""
    question = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        with open(path, "rb") as file:
            kind, _, _, _, pid = struct.unpack("hhqqi4x", fcntl.fcntl(file, fcntl.F_GETLK, question))
    except OSError:
        return ""
    if kind == fcntl.F_UNLCK:
        return ""
    name = text("/proc/%d/comm" % pid).strip()
    return "%s (pid %d)" % (name, pid) if name else "another process"


def packages() -> dict:
    """Whether dpkg finished its last run, who uses it now, and what is held."""
    holder = held_by("/var/lib/dpkg/lock-frontend") or held_by("/var/lib/dpkg/lock")
    states = output("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Package}\\n")
    # Half installed, unpacked, half configured, or marked for reinstallation; triggers run by themselves.
    half = [line[3:].strip() for line in states.splitlines() if re.match(r".([HUF]|.R)", line)]
    try:
        pending = [name for name in os.listdir("/var/lib/dpkg/updates") if name.isdigit()]
    except OSError:
        pending = []
    problem = ", ".join(half[:5]) + (" and %d more" % (len(half) - 5) if len(half) > 5 else "")
    if pending and not problem:
        problem = "dpkg was interrupted"
    held = [line[3:].strip() for line in states.splitlines() if line[:1] == "h"]
    return {"dpkg_holder": holder, "dpkg_problem": problem, "held_packages": held}


def docker() -> dict:
    """The Engine that is installed, what brought it, and its Swarm."""
    # Where snaps are is not in the path of every login.
    path = os.environ.get("PATH", os.defpath) + ":/snap/bin"
    command = shutil.which("docker", path=path)
    if not command and not shutil.which("dockerd"):
        return {}
    version = output("docker", "version", "--format", "{{.Server.Version}}").strip()
    swarm = output("docker", "info", "--format", "{{.Swarm.LocalNodeState}}").strip()
    brought = [
        name for name in ("docker-ce", "docker.io", "moby-engine", "podman-docker") if has_package(name)
    ]
    if not brought and os.path.basename(os.path.realpath(command or "")) == "snap":
        brought = ["snap"]
    client = re.search(r"\d[\w.+~-]*", output("dockerd", "--version"))
    return {
        "docker_version": version or (client.group(0) if client else ""),
        "docker_package": brought[0] if brought else "unknown",
        "swarm": swarm,
    }


def has_package(name: str) -> bool:
    """Whether a package is installed."""
    return output("dpkg-query", "-W", "-f", "${Status}", name).endswith("ok installed")


def login(name: str) -> dict:
    """The keys that let this login in."""
    try:
        home = pwd.getpwnam(name).pw_dir
    except KeyError:
        return {}
    lines = text(os.path.join(home, ".ssh", "authorized_keys")).splitlines()
    keys = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return {"login_keys": keys}


def ssh_port(given: int) -> int:
    """Where sshd listens: the port of this very connection, else what sshd says."""
    if given:
        return given
    said = re.search(r"^port (\d+)$", output("sshd", "-T") or output("/usr/sbin/sshd", "-T"), re.MULTILINE)
    return int(said.group(1)) if said else 22


def record() -> dict:
    """What provisioning wrote last."""
    try:
        found = json.loads(text(RECORD))
    except ValueError:
        found = None
    key = ""
    if isinstance(found, dict):
        key = (found.get("mesh") or {}).get("public_key", "")
    shown = output("wg", "show", "instancectl0", "public-key").strip()
    return {"record": found if isinstance(found, dict) else None, "mesh_public_key": shown or key}


def installed() -> dict:
    """The version of instancectl that is installed."""
    found = re.search(r'^__version__ = "([^"]+)"', text(CURRENT + "/instancectl/__init__.py"), re.MULTILINE)
    return {"instancectl": found.group(1) if found else ""}


def main(sudo: str, user: str, port: int) -> None:
    """Everything, as one document."""
    seen = {"user": user, "sudo": sudo, "ssh_port": ssh_port(port), "addresses": addresses()}
    for part in (system(), pythons(), room(), packages(), docker(), login(user), record(), installed()):
        seen.update(part)
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
