"""A check ends in time when everything it looks at hangs."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from instancectl.adapters.daemon_threads import DaemonThreads
from instancectl.adapters.dns_resolver import DnsResolver
from instancectl.adapters.http_probe import SocketHttpProbe
from instancectl.adapters.s3 import S3Bucket
from instancectl.adapters.smtp import SmtpServer
from instancectl.core.check import Severity
from instancectl.core.config import InstanceConfig
from instancectl.core.observed import Observed
from instancectl.core.secrets import Secret
from instancectl.operations.check import Senses, Subject, check
from tests.fakes.containers import FakeContainers
from tests.fakes.host import FakeHost
from tests.fakes.own_host import fresh_host
from tests.fakes.time_source import FakeTime

pytestmark = pytest.mark.contract

LIMIT_SECONDS = 11


@pytest.fixture
def mute() -> Iterator[int]:
    """A port, TCP and UDP, that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        port = int(tcp.getsockname()[1])
        udp.bind(("127.0.0.1", port))
        yield port


class HangingEngine(FakeContainers):
    def observe(self, stack: str) -> Observed:
        threading.Event().wait(60)
        return super().observe(stack)


def test_everything_hangs_and_the_answer_still_comes(mute: int) -> None:
    config = InstanceConfig.model_validate(
        {
            "instance": {"domain": "social.dev.org"},
            "owner": {"email": "admin@dev.org"},
            "mail": {"server": "127.0.0.1", "port": mute, "login": "mastodon"},
            "media": {"storage": "s3", "s3_bucket": "media", "s3_endpoint": f"http://127.0.0.1:{mute}"},
            "tls": {"acme_directory": f"https://127.0.0.1:{mute}/directory"},
            "proxy": {"https_port": mute},
        }
    )
    bucket = S3Bucket(
        "media", "us-east-1", config.media.s3_endpoint, Secret("a"), Secret("b"), path_style=True
    )
    senses = Senses(
        HangingEngine(config),
        FakeHost(),
        DnsResolver((("127.0.0.1", mute),)),
        SmtpServer(),
        SocketHttpProbe(),
        FakeTime(),
        DaemonThreads(),
        fresh_host(),
        lambda: bucket,
    )
    started = time.monotonic()
    result = check(senses, Subject(config, secrets=()))
    assert time.monotonic() - started < LIMIT_SECONDS
    found = {one["check"]: one["severity"] for one in result.data["findings"]}
    assert found["docker"] == Severity.FAIL
    assert found["dns"] == found["s3"] == Severity.UNKNOWN
    assert found["smtp"] == Severity.FAIL, "a mail server that says nothing is no mail server"
    assert found["memory"] == found["disk"] == Severity.OK
