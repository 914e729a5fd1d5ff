"""Brings a local instance up and takes it down again, with instancectl's own commands.

`./quickstart` is the front door. Everything of it lives in .quickstart/: settings, secrets, a Python
environment, the proxy's root certificate, and a note of what was started, so that `--down` stops just that.
Killed anywhere, it continues when it is run again.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import local_agent
import local_images
import machine
from host_ports import Ports, refuse_taken_ports
from machine import ROOT, Engine, MachineError
from note import CERTIFICATE, COMMAND, HOME, LOG, SETTINGS, QuickstartError, read_note, remember

DOMAIN = "mastodon.localhost"
STACK = "mastodon-localhost"
OWNER = "admin"


def main() -> int:
    """Up or down; 0 when it is."""
    parser = argparse.ArgumentParser(
        prog="./quickstart",
        description=f"A whole Mastodon instance on this machine, at https://{DOMAIN}.",
        epilog="Everything of it lives in .quickstart/; nothing leaves the machine.",
    )
    parser.add_argument("--down", action="store_true", help="remove all of it, and only it")
    parser.add_argument("--http-port", type=int, default=80, metavar="PORT", help="instead of 80")
    parser.add_argument("--https-port", type=int, default=443, metavar="PORT", help="instead of 443")
    parser.add_argument(
        "--images",
        choices=("auto", "official", "built"),
        default="auto",
        help="official ones, or built here from Debian packages (default: whether a registry answers)",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with alone():
            return (
                down() if options.down else up(Ports(options.http_port, options.https_port), options.images)
            )
    except MachineError as error:
        return complain(str(error), "", 6)
    except QuickstartError as failure:
        return complain(str(failure), failure.hint, failure.code)
    except KeyboardInterrupt:
        return complain("interrupted", "run it again to continue, or `./quickstart --down` to remove it", 130)


def complain(message: str, hint: str, code: int) -> int:
    """One error, the way instancectl words them."""
    print(f"\nerror: {message}", file=sys.stderr)
    if hint:
        print(f"\nhint: {hint}", file=sys.stderr)
    return code


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One run at a time; the kernel lets go of the lock when the process dies."""
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise QuickstartError("another ./quickstart is running here", "wait for it to end", 5) from None
    try:
        yield
    finally:
        os.close(handle)


# ---------------------------------------------------------------------------
# Up


def up(ports: Ports, images: str) -> int:
    """Bring the instance up, or find that it is."""
    fresh = not SETTINGS.exists()
    if fresh:
        refuse_strangers()
        refuse_taken_ports(ports)
    HOME.mkdir(mode=0o700, exist_ok=True)
    LOG.write_text("")
    step("Python environment", environment)
    step("Docker Engine", engine)
    if fresh:
        settings = step("images", lambda: local_images.choose(images))
        step("settings and secrets", lambda: init(ports, settings))
    else:
        ports = kept_ports(ports)
        if read_note().get("images_built"):
            step("images", local_images.build)
    before = read_note()
    result = deploy()
    export_certificate()
    step("agent and dashboard", local_agent.start)
    changed = result["status"] != "unchanged"
    if password := new_password(result, before):
        tell_everything(ports, password)
        remember(credentials_shown=True)
    else:
        tell_again(ports, changed=changed)
    return 0


def step(name: str, work: Callable[[], Any]) -> Any:
    """Do one thing; a line when it is done, with its time when anybody had to wait."""
    waiting = sys.stderr.isatty()
    if waiting:
        print(f"\r\033[K… {name}", end="", file=sys.stderr, flush=True)
    started = time.monotonic()
    said, value = work()
    seconds = time.monotonic() - started
    took = f"{seconds:.0f} s" if seconds >= 1 else ""
    print(
        ("\r\033[K" if waiting else "") + f"✓ {name:<22}{said:<58}{took:>6}".rstrip(),
        file=sys.stderr,
        flush=True,
    )
    return value


def environment() -> tuple[str, None]:
    """A venv with the locked dependencies, and an `instancectl` that knows this instance."""
    python = machine.make_venv(HOME / "venv", ROOT / "requirements.lock", LOG)
    script = (
        "#!/bin/sh\n"
        f"# instancectl for https://{DOMAIN}; written by ./quickstart\n"
        f'INSTANCECTL_CONFIG="${{INSTANCECTL_CONFIG:-{SETTINGS}}}"\n'
        f'PYTHONPATH="{ROOT}"\n'
        "export INSTANCECTL_CONFIG PYTHONPATH\n"
        f'exec "{python}" -m instancectl "$@"\n'
    )
    if not COMMAND.exists() or COMMAND.read_text() != script:
        COMMAND.write_text(script)
        COMMAND.chmod(0o755)
    return str(COMMAND.relative_to(ROOT)), None


def engine() -> tuple[str, None]:
    """Docker Engine, installed and started if need be; what was started is noted before and after."""
    note = read_note()
    if not machine.engine_answers():
        remember(engine="starting")  # if we are killed now, the next run knows whose it is
        started, packages = machine.provide_engine(HOME / "dockerd.log")
        remember(engine=started.how, engine_pid=started.pid, packages=[*note.get("packages", []), *packages])
    elif note.get("engine") == "starting":
        started = machine.started_engine()
        remember(engine=started.how, engine_pid=started.pid)
    if "swarm_before" not in note:
        remember(swarm_before=machine.swarm_state())
    version = machine.answer("docker", "version", "--format", "{{.Server.Version}}").stdout.strip()
    return version, None


def init(ports: Ports, images: dict[str, str]) -> tuple[str, None]:
    """Write the settings and generate the secrets."""
    words = ["init", "--local", "--domain", DOMAIN, "--owner", OWNER]
    words += ["--set", f"proxy.http_port={ports.http}", "--set", f"proxy.https_port={ports.https}"]
    values = {f"images.{key}": image for key, image in images.items()} | local_agent.settings()
    for key, value in values.items():
        words += ["--set", f"{key}={value}"]
    instancectl(*words)
    return str(SETTINGS.relative_to(ROOT)), None


def deploy() -> dict[str, Any]:
    """Deploy; steps appear as they happen."""
    return instancectl("deploy", "--yes")


def instancectl(*words: str) -> dict[str, Any]:
    """Run one command with `--json`; its progress goes to the terminal, its document comes back.

    Raises:
        QuickstartError: it ended with an error, repeated here with its hint and exit code.
    """
    ended = subprocess.run(
        [str(COMMAND), "--config", str(HOME), "--json", *words],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    try:
        document: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        raise QuickstartError(
            f"`instancectl {words[0]}` ended with {ended.returncode} and no answer"
        ) from None
    if document["errors"]:
        error = document["errors"][0]
        raise QuickstartError(
            error["message"], error["hint"].replace("instancectl ", f"{shown_command()} "), ended.returncode
        )
    return document


# ---------------------------------------------------------------------------
# Ports


def refuse_strangers() -> None:
    """Never take over an instance of the same name that another checkout, or nobody any more, knows.

    Raises:
        QuickstartError: there is one.
    """
    names = machine.answer("docker", "service", "ls", "--filter", f"name={STACK}_", "--format", "{{.Name}}")
    if names.returncode == 0 and names.stdout.strip():
        raise QuickstartError(
            f"an instance `{DOMAIN}` runs on this machine that is not the one of {ROOT}; nothing was changed",
            "run ./quickstart --down in the checkout that started it, or `docker stack rm " + STACK + "`",
            7,
        )


def kept_ports(wanted: Ports) -> Ports:
    """The ports of the existing instance.

    Raises:
        QuickstartError: others were asked for.
    """
    proxy = tomllib.loads(SETTINGS.read_text()).get("proxy", {})
    kept = Ports(proxy.get("http_port", 80), proxy.get("https_port", 443))
    if wanted not in (kept, Ports(80, 443)):
        raise QuickstartError(
            f"the instance here uses the ports {kept.http} and {kept.https}",
            f"edit {SETTINGS.relative_to(ROOT)} and run ./quickstart, or begin anew with --down",
            7,
        )
    return kept


# ---------------------------------------------------------------------------
# What a person is told


def new_password(result: dict[str, Any], before: dict[str, Any]) -> str:
    """The owner's password if nobody has seen it yet, else nothing.

    A run that was killed between creating the account and saying so leaves a password that nobody knows.
    """
    password = str(result["data"].get("owner", {}).get("password", ""))
    if password or before.get("credentials_shown"):
        return password
    reset = subprocess.run(
        [str(COMMAND), "tootctl", "accounts", "modify", OWNER, "--reset-password"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"^New password: (\S+)", reset.stdout, re.MULTILINE)
    return found[1] if found else ""


def export_certificate() -> None:
    """Copy the root certificate of the proxy's own authority out of its volume."""
    label = f"label=com.docker.swarm.service.name={STACK}_proxy"
    for container in machine.answer("docker", "ps", "-q", "--filter", label).stdout.split():
        found = machine.answer(
            "docker", "exec", container, "cat", "/data/caddy/pki/authorities/local/root.crt"
        )
        if found.returncode == 0 and "BEGIN CERTIFICATE" in found.stdout:
            if not CERTIFICATE.exists() or CERTIFICATE.read_text() != found.stdout:
                CERTIFICATE.write_text(found.stdout)
            return


def shown_command() -> str:
    """How a person calls instancectl for this instance."""
    return f"{'sudo ' if os.environ.get('SUDO_USER') else ''}{COMMAND.relative_to(ROOT)}"


def tell_everything(ports: Ports, password: str) -> None:
    """URL, credentials, trust, and what to try next."""
    command, certificate = shown_command(), CERTIFICATE.relative_to(ROOT)
    print(f"""
https://{DOMAIN}{ports.suffix} is up

  log in with   {OWNER}@{DOMAIN}
  password      {password}      (shown once)
  mail          https://mail.{DOMAIN}{ports.suffix}      every mail this instance sends ends here
  dashboard     {local_agent.dashboard()}      how it is, and how it was

  Its certificate is signed by an authority of its own. To trust it on this machine:
    sudo cp {certificate} /usr/local/share/ca-certificates/{DOMAIN}.crt && sudo update-ca-certificates
  A browser keeps its own list: import {certificate} there, under "Authorities".

  Try next:
    {command} status
    {command} check
    {command} logs web --follow

  ./quickstart --down removes all of it.""")


def tell_again(ports: Ports, *, changed: bool) -> None:
    """Everything is in place, or is again."""
    said = "is up again" if changed else "is up; everything is in place"
    print(f"\nhttps://{DOMAIN}{ports.suffix} {said}\n\n  {shown_command()} status")


# ---------------------------------------------------------------------------
# Down


def down() -> int:
    """Remove everything that `up` made, and nothing else."""
    note = read_note()
    if not HOME.exists():
        print("nothing to remove: there is no .quickstart/ here")
        return 0
    if local_agent.running():
        step("agent", local_agent.stop)
    if SETTINGS.exists() and COMMAND.exists():
        take_down(note)
    stop(note)
    shutil.rmtree(HOME)
    print(f"\n{DOMAIN} is removed, and .quickstart/ with it")
    kept = note.get("packages", [])
    if kept:
        print(f"  still installed: {' '.join(kept)}")
    if note.get("images_built"):
        print("  still there: the images built here, for the next time (`docker image ls`)")
    return 0


def take_down(note: dict[str, Any]) -> None:
    """Destroy the instance; an engine of ours that was stopped meanwhile is started for it."""
    if not machine.engine_answers():
        if note.get("engine", "found") == "found":
            raise QuickstartError(
                f"Docker Engine does not answer, so {DOMAIN} cannot be removed; nothing was changed",
                "start Docker Engine and run this again",
                6,
            )
        engine()
    step("instance", lambda: ("destroyed", instancectl("destroy", f"--confirm={DOMAIN}", "--yes")))


def stop(note: dict[str, Any]) -> None:
    """Leave the Swarm and stop the engine if they are ours."""
    note = read_note() or note
    if note.get("swarm_before") == "inactive" and machine.engine_answers():
        if (
            machine.swarm_state() == "active"
            and not machine.answer("docker", "service", "ls", "-q").stdout.strip()
        ):
            machine.leave_swarm()
        elif machine.swarm_state() == "inactive":
            machine.forget_swarm()
    started = Engine(str(note.get("engine", "found")), int(note.get("engine_pid", 0)))
    if started.ours:
        step("Docker Engine", lambda: stopped(started))


def stopped(started: Engine) -> tuple[str, None]:
    """Stop the engine that was started here."""
    machine.stop_engine(started)
    return "stopped", None


if __name__ == "__main__":
    sys.exit(main())
