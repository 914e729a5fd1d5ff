"""Everything that can break, one after the other on one instance: each is told by its alert and no other.

What is told leaves by HTTP and by mail. The times are printed; docs/explanation/alerting.md has them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from instancectl.core.monitoring.canary import TOKEN
from tests.e2e import alarm
from tests.e2e.alarm import Alarmed
from tests.e2e.browser import Browser
from tests.e2e.host import DOMAIN, Instance, docker, eventually, lines
from tests.e2e.test_agent import frozen, is_well, replicas, stopped

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CALM_WITHIN = 300
RESOLVED_WITHIN = 300
CERTIFICATE_SECONDS = 300
"""An agent looks at certificates so often."""
LOOK_AROUND = 15
"""Whatever else would page has by then."""

Break = Callable[[Alarmed], AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """What is broken, for as long as the block lasts; what is told, and how soon, seconds."""

    name: str
    breaks: Break
    alerts: frozenset[str]
    within: float = 150
    heals: str = ""
    """The service whose health check fails, too: Swarm may have replaced it before anybody is told."""
    over_within: float = RESOLVED_WITHIN


def _all(names: str, breaks: Callable[[str], AbstractContextManager[None]]) -> Break:
    """Breaks every service whose name begins so."""

    @contextlib.contextmanager
    def work(alarmed: Alarmed) -> Iterator[None]:
        with contextlib.ExitStack() as all_of_them:
            for service in alarmed.instance.tasks():
                if service.startswith(names):
                    all_of_them.enter_context(breaks(service))
            yield

    return work


def _stop(service: str) -> Break:
    return lambda _: stopped(service)


def _freeze(service: str) -> Break:
    return lambda _: frozen(service)


@contextlib.contextmanager
def _redis_disk(alarmed: Alarmed) -> Iterator[None]:
    """Its directory takes no new file: the next save fails, and Redis refuses writes (MISCONF)."""
    redis = alarmed.instance.container("redis")
    owner = docker("exec", redis, "stat", "-c", "%u", "/data")
    docker("exec", "--user", owner, redis, "chmod", "a-w", "/data")
    alarmed.instance.redis("BGSAVE")
    eventually(lambda: "MISCONF" in alarmed.instance.redis("SET", "probe", "x"), seconds=20)
    try:
        yield
    finally:
        docker("exec", "--user", owner, redis, "chmod", "u+w", "/data")
        alarmed.instance.redis("BGSAVE")
        eventually(lambda: alarmed.instance.redis("SET", "probe", "x", "EX", "1") == "OK", seconds=30)


@contextlib.contextmanager
def _disk(_: Alarmed) -> Iterator[None]:
    """A file that leaves less than `disk_free_percent` of the disk that Docker is on."""
    root = _docker_root()
    room = shutil.disk_usage(root)
    target = room.total * (_free_percent(root) - 1.5) / 100
    file = Path(root) / "filled-by-a-test"
    with file.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, int(room.free - target))
    try:
        yield
    finally:
        file.unlink()


@contextlib.contextmanager
def _mail(alarmed: Alarmed) -> Iterator[None]:
    docker("stop", "--time", "1", alarmed.mail.container)
    try:
        yield
    finally:
        docker("start", alarmed.mail.container)


def _certificate(directory: Path, *, days: int) -> None:
    """A key and a certificate that ends, or has ended, so many days from now."""
    now = datetime.now(UTC).replace(microsecond=0)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, DOMAIN)])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=90),
        now + timedelta(days=days),
    )  # fmt: skip
    made = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(DOMAIN)]), critical=False)
    (directory / "chain.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = directory / "key.pem"
    file.touch(mode=0o600)
    file.write_bytes(secret)


@contextlib.contextmanager
def _expired(alarmed: Alarmed) -> Iterator[None]:
    _certificate(alarmed.instance.directory, days=-1)
    alarmed.instance.cli("deploy")
    try:
        yield
    finally:
        _certificate(alarmed.instance.directory, days=90)
        alarmed.instance.cli("deploy")


@contextlib.contextmanager
def _slow_ones(alarmed: Alarmed) -> Iterator[None]:
    """What is told after many minutes, at once: none of it explains another."""
    with _expired(alarmed), stopped("sidekiq"), _mail(alarmed):
        yield


def _only(*names: str) -> frozenset[str]:
    return frozenset(names)


FAULTS = (
    Fault("web stopped", _stop("web"), _only("WebDown")),
    Fault("streaming stopped", _stop("streaming"), _only("StreamingDown")),
    Fault("every Sidekiq stopped", _all("sidekiq", stopped), _only("SidekiqDown"), 180),
    Fault("PostgreSQL stopped", _stop("db"), _only("DatabaseDown")),
    Fault("Redis stopped", _stop("redis"), _only("RedisNotWritable")),
    Fault("streaming frozen", _freeze("streaming"), _only("StreamingDown"), heals="streaming"),
    Fault("PostgreSQL frozen", _freeze("db"), _only("DatabaseDown"), heals="db"),
    Fault("Redis frozen", _freeze("redis"), _only("RedisNotWritable"), heals="redis"),
    Fault("web frozen", _freeze("web"), _only("WebDown"), heals="web"),
    Fault("every Sidekiq frozen", _all("sidekiq", frozen), _only("SidekiqDown"), 240),
    Fault("Redis' disk broken", _redis_disk, _only("RedisNotWritable")),
    Fault("disk full", _disk, _only("DiskAlmostFull"), 450),
    Fault("scheduler stopped", _stop("sidekiq"), _only("SchedulerMissing"), 480),
    Fault(
        "certificate expired, no scheduler, mail stopped", _slow_ones,
        _only("CertificateExpiringSoon", "SchedulerMissing", "MailServerDown"), 1080,
        over_within=RESOLVED_WITHIN + CERTIFICATE_SECONDS,
    ),
)  # fmt: skip


def _docker_root() -> str:
    return docker("info", "--format", "{{.DockerRootDir}}")


def _free_percent(root: str) -> int:
    """A threshold that the disk is just above."""
    room = shutil.disk_usage(root)
    return min(50, max(1, int(100 * room.free / room.total) - 1))


@pytest.fixture(scope="module")
def alarmed(instance: Instance) -> Iterator[Alarmed]:
    root = "/data/caddy/pki/authorities/local/root.crt"
    browser = Browser(instance.ports[1], docker("exec", instance.container("proxy"), "cat", root))
    token = browser.token(f"admin@{DOMAIN}", instance.password)
    secrets = instance.directory / "alerts.env"
    secrets.touch(mode=0o600)
    secrets.write_text(f"{TOKEN}={token}\n")
    _certificate(instance.directory, days=90)
    wanted = {
        "tls.mode": "files",
        "tls.certificate": instance.directory / "chain.pem",
        "tls.key": instance.directory / "key.pem",
        "monitoring.canary": "true",
        "alerts.thresholds.disk_free_percent": _free_percent(_docker_root()),
    }
    with alarm.mail_server() as mail, alarm.alarmed(instance, mail, mastodon_mails=False, **wanted) as made:
        yield made
    secrets.unlink()


@pytest.mark.timeout(1800)  # what is told late on purpose is waited for
@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.name.replace(" ", "-"))
def test_a_fault_is_told_by_its_alert_and_no_other(alarmed: Alarmed, fault: Fault) -> None:
    eventually(lambda: not alarmed.firing() and is_well(alarmed.verdict()), seconds=CALM_WITHIN, pause=2)
    hook, mails, started = alarmed.hook, len(alarmed.mails()), time.monotonic()
    before = replicas(fault.heals) if fault.heals else []

    def healed() -> bool:
        now = replicas(fault.heals) if fault.heals else []
        return bool(now) and not set(now) & set(before) and is_well(alarmed.verdict())

    with fault.breaks(alarmed):
        told = _first_times(partial(hook.names, started), fault.alerts, started, fault.within, healed)
        if told is None:
            print(f"| {fault.name} | – (replaced by Swarm) | {time.monotonic() - started:.0f} s | – |")
            return
        if alarmed.mail.container in lines("ps", "-q", "--no-trunc"):
            eventually(lambda: len(alarmed.mails()) > mails, seconds=15)
        time.sleep(LOOK_AROUND)
        mending = time.monotonic()
    # Where several things are mended, one after the other, the first may be over before the last is mended.
    mended = time.monotonic()
    over = _first_times(partial(hook.names, mending, "resolved"), fault.alerts, mended, fault.over_within)
    assert over
    for name in sorted(fault.alerts):
        print(f"| {fault.name} | {name} | {told[name]:.0f} s | {max(0, over[name]):.0f} s |")
    pages = [body for at, body in hook.got if at >= started and body["severity"] == "page"]
    assert {one["name"] for body in pages for one in body["alerts"]} == fault.alerts


def _first_times(
    names: Callable[[], list[str]],
    wanted: frozenset[str],
    since: float,
    within: float,
    healed: Callable[[], bool] = lambda: False,
) -> dict[str, float] | None:
    """Name → seconds until it was told; None when all was well again before."""
    found: dict[str, float] = {}

    def settled() -> str:
        for name in names():
            found.setdefault(name, time.monotonic() - since)
        return "told" if wanted <= set(found) else "healed" if not found and healed() else ""

    return found if eventually(settled, seconds=within) == "told" else None
