"""Runs every tier of tests in order, on a machine that has nothing but this repository.

`./check` is its front door. Logs go to .check/; the last line is for machines.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import machine
from around import LOGS, end_group, engine_and_swarm, images_in_background, log, nothing_left_behind
from machine import ROOT, MachineError
from tally import Tally, count_report, failed_tests, minutes, say, tail

TWO = ("-n", "2")
"""pytest side by side with itself; two processors are what small machines have."""

TESTS_FAILED = 1
"""pytest's exit code: some tests failed, and nothing else is wrong."""
UNSTEADY_AT_MOST = 3
"""More failed tests than that are no accident."""

telling = threading.Lock()
"""Held by whoever counts and says how a tier went: two may end at once."""
started_here: list[subprocess.Popen[bytes]] = []
"""What tiers run; all of it ends when somebody interrupts."""

SHELL_SCRIPTS = ("check", "quickstart", ".ci/run", "tools/python.sh", "templates/host/prove-login.sh")


@dataclass(frozen=True)
class Tier:
    """One tier: a name, what it runs, and how long it may take.

    `commands` run one after the other and each counts as one check, unless it is pytest:
    then every test counts. `here` is the working directory. Of a `live` tier a few failed tests
    are run once more, alone: hundreds of real servers on a busy machine are late now and then.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    limit_seconds: int
    here: Path = ROOT
    live: bool = False


def main() -> int:
    """Run the chosen tiers; 0 when all passed and nothing was left behind."""
    parser = argparse.ArgumentParser(prog="./check", description="Run the tests; nothing is left running.")
    parser.add_argument("--quick", action="store_true", help="static checks and tests without Docker")
    parser.add_argument("--tier", action="append", default=[], metavar="NAME", help="only this tier (repeat)")
    parser.add_argument("--list", action="store_true", help="name the tiers and end")
    options = parser.parse_args()
    if options.list:
        in_turn, side_by_side = docker_tiers(Path("python"))
        for tier in (*quick_tiers(Path("python")), *in_turn, *side_by_side):
            say(f"{tier.name:<11} at most {tier.limit_seconds // 60} min")
        return 0
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir()
    machine.become_subreaper()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
            signal.signal(number, signal.default_int_handler)
    tally = Tally()
    started = time.monotonic()
    try:
        run(options, tally)
    except MachineError as error:
        say(f"error: {error}")
        tally.count(failed=1)
        tally.failures.append("machine")
    except KeyboardInterrupt:
        say("interrupted")
        tally.count(failed=1)
        tally.failures.append("interrupted")
    return tell(tally, time.monotonic() - started)


def tell(tally: Tally, seconds: float) -> int:
    """The end of the output, its last line for machines; the exit code."""
    say("")
    say(f"took {minutes(seconds)}; {tally.skipped} skipped; logs in {LOGS}/")
    if tally.unsteady:
        say(f"passed when run once more, to be explained in docs/flakes.md: {', '.join(tally.unsteady)}")
    if tally.failures:
        say(f"failed: {', '.join(tally.failures)}")
    say(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


def run(options: argparse.Namespace, tally: Tally) -> None:
    """Prepare the machine as far as needed and run the tiers."""
    chosen = set(options.tier)
    with nothing_left_behind(tally, engine=not options.quick):
        step(
            "python", lambda: machine.make_venv(ROOT / ".venv", ROOT / "requirements-dev.lock", log("python"))
        )
        python = ROOT / ".venv" / "bin" / "python"
        if options.quick:
            run_tiers(quick_tiers(python), chosen, tally)
            return
        step("packages", lambda: machine.install_packages(machine.TEST_COMMANDS, log("packages")))
        with engine_and_swarm(tally), images_in_background() as images:
            run_tiers(quick_tiers(python), chosen, tally)
            images.join(tally)
            in_turn, side_by_side = docker_tiers(python)
            run_tiers(in_turn, chosen, tally)
            run_side_by_side([tier for tier in side_by_side if not chosen or tier.name in chosen], tally)


def step(name: str, work: Callable[[], object]) -> None:
    """Do one preparation and say how long it took, if anybody could have noticed."""
    started = time.monotonic()
    work()
    if time.monotonic() - started > 1:
        say(f"{name:<11} ready  {minutes(time.monotonic() - started):>8}")


# ---------------------------------------------------------------------------
# Tiers


def pytest(python: Path, name: str, *arguments: str) -> tuple[str, ...]:
    """A pytest run that leaves a report to count from."""
    report = f"--junitxml={LOGS / f'{name}.xml'}"
    cache = f"cache_dir={LOGS / 'cache' / name}"  # what failed last is looked up there
    return (
        str(python),
        "-m",
        "pytest",
        "-q",
        "--color=no",
        "--durations=12",
        "-o",
        cache,
        report,
        *arguments,
    )


def quick_tiers(python: Path) -> tuple[Tier, ...]:
    """What needs no Docker: static checks, tests of the checkout, and of the installed wheel."""
    tool = python.parent
    static = (
        (f"{tool}/ruff", "check"),
        (f"{tool}/ruff", "format", "--check"),
        (f"{tool}/mypy",),
        (f"{tool}/lint-imports", "--no-logo"),
        (f"{tool}/shellcheck", "--external-sources", *SHELL_SCRIPTS),
        (f"{tool}/yamllint", "--strict", "."),
        (f"{tool}/ansible-lint", "-q", "playbooks/site.yml"),
        (str(python), "-m", "instancectl.cli.reference", "check"),
    )
    of_the_checkout = [f"tests/{name}" for name in ("architecture", "docs", "contract")]
    of_the_package = [f"tests/{name}" for name in ("unit", "operations", "cli")]
    wheel = LOGS / "wheel"
    return (
        Tier("static", static, 300),
        Tier(
            "quick",
            (pytest(python, "quick", *TWO, "-m", "not contract and not e2e", *of_the_checkout),),
            600,
        ),
        Tier("wheel", ((str(python), "tools/wheel.py", str(wheel)),), 300),
        Tier(
            "installed",
            (pytest(wheel / "venv/bin/python", "installed", *TWO, *of_the_package),),
            900,
            wheel / "checkout",
        ),
    )


def docker_tiers(python: Path) -> tuple[tuple[Tier, ...], tuple[Tier, ...]]:
    """What needs Docker: ports on real servers, the testbed's own contract, whole instances and hosts.

    The second part may run side by side: each waits more than it computes, and they share no server.
    """
    wheel = LOGS / "wheel"
    by_the_wheel = wheel / "venv" / "bin" / "python"
    in_order = ("-p", "no:randomly")
    # These tests wait for servers more than they compute; those of one file share what they started.
    by_file = (*TWO, "--dist", "loadfile")
    # The paths of ssh's sockets must be short, and a test process among several has long ones.
    ssh = tuple(
        f"tests/contract/test_{name}.py" for name in ("relay", "remote", "ssh_login", "dashboard_tunnel")
    )
    others = (*in_order, *by_file, *(f"--ignore={path}" for path in ssh), "tests")
    contract = Tier(
        "contract",
        (
            pytest(python, "contract", "-m", "contract and not e2e and not long", *others),
            pytest(python, "contract", "-m", "contract", *in_order, *ssh),
        ),
        2400,
        live=True,
    )
    quickstart = Tier(
        "quickstart", (pytest(python, "quickstart", *in_order, "tests/quickstart"),), 900, live=True
    )

    def whole(name: str, where: str) -> Tier:
        command = pytest(by_the_wheel, name, "-m", f"{name} and not slow", *in_order, where)
        return Tier(name, (command,), 2400, wheel / "checkout", live=True)

    return (contract, quickstart), (whole("e2e", "tests"), whole("hosts", "tests/hosts"))


def run_tiers(tiers: Sequence[Tier], chosen: set[str], tally: Tally) -> None:
    """Run tiers one after the other; a failed one does not stop the next."""
    for tier in tiers:
        if not chosen or tier.name in chosen:
            run_tier(tier, tally)


def run_side_by_side(tiers: Sequence[Tier], tally: Tally) -> None:
    """Run tiers at the same time; whoever interrupts ends all of them."""
    with ThreadPoolExecutor(max(len(tiers), 1)) as threads:
        running = [threads.submit(run_tier, tier, tally) for tier in tiers]
        try:
            for one in running:
                one.result()
        except BaseException:
            for process in started_here:
                end_group(process)
            raise


def run_tier(tier: Tier, tally: Tally) -> None:
    """Run one tier, count it, print its line, and the end of its log when it failed."""
    started = time.monotonic()
    deadline = started + tier.limit_seconds
    mine = Tally()
    complaints: list[str] = []
    with log(tier.name).open("wb") as output:
        for command in tier.commands:
            begun = output.tell()
            code = run_logged(command, output, tier.here, deadline - time.monotonic())
            report = LOGS / f"{tier.name}.xml"
            part = Tally()
            if "pytest" in command and count_report(report, part):
                if code == TESTS_FAILED and tier.live:
                    code = once_more(command, output, tier, deadline, part)
                if (
                    code and not part.failed
                ):  # passed tests, and yet an error: collection, a warning, a timeout
                    part.count(failed=1)
            else:
                part.count(passed=code == 0, failed=code != 0)
            mine.add(part)
            if code:
                complaints += tail(log(tier.name), begun, 60 if len(tier.commands) == 1 else 15)
    with telling:
        tally.add(mine)
        tell_tier(tier.name, mine, time.monotonic() - started)
        if mine.failed:
            tally.failures.append(tier.name)
            for line in complaints:
                say(f"    {line}")


def tell_tier(name: str, mine: Tally, seconds: float) -> None:
    """A tier's line."""
    verdict = "FAILED" if mine.failed else "ok"
    skipped = f", {mine.skipped} skipped" if mine.skipped else ""
    took = minutes(seconds)
    say(f"{name:<11} {verdict:<6} {took:>12}  {mine.passed} passed, {mine.failed} failed{skipped}")


def once_more(command: Sequence[str], output: IO[bytes], tier: Tier, deadline: float, part: Tally) -> int:
    """Run the failed tests of a live tier again, alone, if they are few; the exit code that counts."""
    failed = failed_tests(LOGS / f"{tier.name}.xml")
    if not 0 < len(failed) <= UNSTEADY_AT_MOST:
        return TESTS_FAILED
    again = (*command, "-n", "0", "--last-failed", "--last-failed-no-failures=none")
    code = run_logged(
        [*again, f"--junitxml={LOGS / f'{tier.name}-again.xml'}"],
        output,
        tier.here,
        deadline - time.monotonic(),
    )
    if code == 0:
        part.count(passed=len(failed), failed=-len(failed))
        part.unsteady += failed
    return code


def run_logged(command: Sequence[str], output: IO[bytes], here: Path, limit_seconds: float) -> int:
    """Run one command in its own process group, so that all of it can be ended."""
    output.write(f"$ {' '.join(command)}\n".encode())
    output.flush()
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    environment["PATH"] = f"{Path(command[0]).parent}:{environment.get('PATH', '')}:/usr/sbin:/sbin"
    try:
        process = subprocess.Popen(
            command, cwd=here, env=environment, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        output.write(f"{error}\n".encode())
        return 127
    started_here.append(process)
    try:
        return process.wait(timeout=max(limit_seconds, 1))
    except subprocess.TimeoutExpired:
        output.write(b"ended: the tier's time is over\n")
        return 124
    finally:
        end_group(process)


if __name__ == "__main__":
    sys.exit(main())
