"""One look at a host: which files, units, packages … are as they should be. Changes nothing.

Reads what to look at as JSON from its first argument and writes one JSON document.
Standard library only, and nothing newer than Python 3.8.
"""

import contextlib
import grp
import hashlib
import json
import os
import pwd
import subprocess
import sys
from typing import Any, Callable, Dict, List, Sequence, Set


def answer(*words: str) -> str:
    """What a command says, or nothing when it is not there, fails or hangs."""
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


def name(find: Callable[[int], Sequence[Any]], number: int) -> str:
    """The name of a user or group, or its number when it has none."""
    try:
        return str(find(number)[0])
    except KeyError:
        return str(number)


def rights(path: str) -> str:
    """`0644 root root`, not following a link."""
    found = os.lstat(path)
    mode = format(found.st_mode & 0o7777, "04o")
    return " ".join((mode, name(pwd.getpwuid, found.st_uid), name(grp.getgrgid, found.st_gid)))


def lines(paths: Sequence[str], describe: Callable[[str], str]) -> List[str]:
    """What there is of these paths, described."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError, ValueError):
            found.append(describe(path))
    return found


def file_line(path: str) -> str:
    """Content, rights and place of a file."""
    if os.path.islink(path):
        raise ValueError(path)
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    return f"{digest} {rights(path)} {path}"


def directory_line(path: str) -> str:
    """Rights and place of a directory."""
    if not os.path.isdir(path):
        raise ValueError(path)
    found = os.lstat(path)
    return f"{found.st_mode & 0o7777:04o} {found.st_uid} {found.st_gid} {path}"


def installed() -> Set[str]:
    """Names of installed packages, and of what they provide."""
    listed = answer("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Provides}\n")
    names: Set[str] = set()
    for line in listed.splitlines():
        status, _, rest = line.partition(" ")
        if status == "installed":
            names.update(word for word in rest.replace(",", " ").split() if word[0] != "(")
    return names


def units(wanted: List[str], verb: str, good: Sequence[str]) -> List[str]:
    """Those of which `systemctl VERB` says that they are well."""
    said = answer("systemctl", verb, *wanted).split("\n") if wanted else []
    return [unit for unit, word in zip(wanted, said) if word in good]


def admin(user: str, keys: List[str]) -> Dict[str, Any]:
    """The account, and which of the keys it lacks."""
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return {"exists": False, "home": "/home/" + user, "group": user, "missing": keys}
    path = os.path.join(account.pw_dir, ".ssh", "authorized_keys")
    try:
        with open(path, errors="replace") as file:
            present = {" ".join(line.split()) for line in file}
        good = rights(path).startswith("0600 " + user) and rights(os.path.dirname(path)).startswith("0700 ")
    except OSError:
        present, good = set(), False
    missing = [key for key in keys if key not in present]
    group = name(grp.getgrgid, account.pw_gid)
    home = {"exists": True, "home": account.pw_dir, "group": group, "shell": account.pw_shell}
    return dict(home, missing=missing, good=good and not missing)


def kernel_has_wireguard() -> bool:
    """Whether the kernel makes such an interface; the attempt is undone at once."""
    if os.path.isdir("/sys/module/wireguard"):
        return True
    done = subprocess.run(
        ["ip", "link", "add", "icprobe0", "type", "wireguard"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if done.returncode == 0:
        answer("ip", "link", "del", "icprobe0")
    return done.returncode == 0


def firewall_loaded() -> bool:
    """Whether the live table is the one that our unit loaded last."""
    table = answer("nft", "-s", "-t", "list", "table", "inet", "instancectl")
    try:
        with open("/run/instancectl-firewall") as file:
            loaded = file.read().split()[:1]
    except OSError:
        return False
    return [hashlib.sha256(table.encode()).hexdigest()] == loaded


def unused(release: str, venv: str) -> List[str]:
    """Releases of instancectl and environments, but for the current with its own, and what comes."""
    base, current = "/opt/instancectl", os.path.realpath("/opt/instancectl/current")
    kept = {current, os.path.realpath(os.path.join(current, ".venv")), os.path.join(base, venv)}
    kept.add(os.path.join(base, "releases", release))
    found: List[str] = []
    with contextlib.suppress(OSError):
        found += [os.path.join(base, name) for name in os.listdir(base) if name.startswith("venv-")]
        found += [os.path.join(base, "releases", name) for name in os.listdir(os.path.join(base, "releases"))]
    return sorted(set(found) - kept) if os.path.isdir(current) else []


def look(wanted: Dict[str, Any]) -> Dict[str, Any]:
    """Everything."""
    have = installed()
    current = os.path.realpath("/opt/instancectl/current")
    files = lines(wanted["files"], file_line)
    marks = wanted["marks"]
    return {
        "files": files,
        "stale": [role for role, mark in marks.items() if not {mark["line"], *mark["files"]} <= set(files)],
        "void_marks": [
            mark["path"]
            for mark in marks.values()
            if os.path.exists(mark["path"]) and not set(mark["files"]) <= set(files)
        ],
        "directories": lines(wanted["directories"], directory_line),
        "packages_missing": [package for package in wanted["packages"] if package not in have],
        "time_daemon": bool(have & {"chrony", "ntp", "ntpsec", "openntpd", "systemd-timesyncd"}),
        "enabled": units(wanted["units"], "is-enabled", ("enabled", "static", "alias")),
        "active": units(wanted["units"], "is-active", ("active",)),
        "admin": admin(wanted["admin_user"], wanted["admin_keys"]),
        "unmounted": [path for path in wanted["mounts"] if not os.path.ismount(path)],
        "wireguard": kernel_has_wireguard(),
        "mesh_key": os.path.exists("/etc/wireguard/instancectl0.key"),
        "firewall": firewall_loaded(),
        "gateway_bridge": bool(answer("docker", "network", "ls", "-q", "--filter", "name=^docker_gwbridge$")),
        "release": os.path.basename(current) if os.path.isdir(current) else "",
        "unused": unused(wanted["release"], wanted["venv"]),
        "venv": os.path.exists(os.path.join("/opt/instancectl", wanted["venv"], ".complete")),
        "timezone": os.path.realpath("/etc/localtime").partition("zoneinfo/")[2],
    }


print(json.dumps(look(json.loads(sys.argv[1]))))
