"""What a test host must be told to reach package mirrors from wherever the tests run.

A rented server reaches them as it is. A developer's network may have mirrors that are older than they claim,
a proxy, or an authority of its own: then the machine that runs the tests was told so, and passes it on.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

AUTHORITIES = Path("/usr/local/share/ca-certificates")
PASSED_ON = re.compile(r'^Acquire::(Check-Valid-Until|Check-Date|https?::Proxy) ".+";$', re.MULTILINE)
PROXIES = ("http_proxy", "https_proxy", "no_proxy")


def files() -> dict[str, bytes]:
    """Path → content; empty where nothing is special."""
    found = {str(path): path.read_bytes() for path in sorted(AUTHORITIES.glob("*.crt"))}
    pip = _pip(authorities=bool(found))
    if pip:
        found["/etc/pip.conf"] = f"[global]\n{pip}".encode()
    apt = _apt()
    if apt:
        found["/etc/apt/apt.conf.d/99surroundings"] = apt.encode()
    proxies = [f"{name}={os.environ[name]}\n" for name in PROXIES if os.environ.get(name)]
    if proxies:
        found["/etc/environment"] = "".join(proxies).encode()
    return found


def _pip(*, authorities: bool) -> str:
    lines = ["cert = /etc/ssl/certs/ca-certificates.crt\n"] if authorities else []
    for key, name in (("index-url", "PIP_INDEX_URL"), ("proxy", "PIP_PROXY")):
        if os.environ.get(name):
            lines.append(f"{key} = {os.environ[name]}\n")
    return "".join(lines)


def _apt() -> str:
    try:
        done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return "".join(f"{match.group()}\n" for match in PASSED_ON.finditer(done.stdout))
