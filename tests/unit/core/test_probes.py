"""Which requests are made, and how their answers are read."""

from __future__ import annotations

import shlex
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core import probes
from instancectl.core.config import InstanceConfig


def config_of(**instance: str) -> InstanceConfig:
    return InstanceConfig.model_validate({"instance": {"domain": "social.example", **instance}})


def probe(surface: str, config: InstanceConfig | None = None) -> probes.Probe:
    return next(one for one in probes.probes(config or config_of()) if one.surface == surface)


def test_each_dependency_is_seen_by_a_probe() -> None:
    seen = {name for one in probes.probes(config_of()) for name in one.sees}
    assert seen == {"web", "streaming", "db", "redis"}


def test_no_probe_is_signed() -> None:
    for one in probes.probes(config_of()):
        assert not {name.lower() for name, _ in one.headers} & {
            "signature",
            "signature-input",
            "authorization",
        }


def test_replicas_are_asked_in_the_name_of_the_site() -> None:
    asked = dict(probe("federation", config_of(web_domain="web.example")).headers)
    assert asked == {"Host": "web.example", "X-Forwarded-Proto": "https"}


def test_webfinger_asks_for_the_owner_at_the_local_domain() -> None:
    path = probe("federation", config_of(web_domain="web.example")).path
    assert path == "/.well-known/webfinger?resource=acct:admin@social.example"


def test_a_round_stays_far_below_the_throttle() -> None:
    """300 requests in 5 minutes for an address; a round each 10 s must leave most of them."""
    throttled = [one for one in probes.probes(config_of()) if one.service == "web" and one.path != "/health"]
    assert len(throttled) * 300 / 10 <= 300 / 4


def test_the_streaming_probe_is_a_handshake_with_a_token_nobody_has() -> None:
    one = probe("streaming")
    assert "access_token=probe" in one.path
    assert dict(one.headers)["Upgrade"] == "websocket"
    assert one.expect == {401}


@pytest.mark.parametrize(
    ("surface", "status", "well"),
    [
        ("web", 200, True),
        ("web", 503, False),
        ("federation", 404, True),
        ("federation", 500, False),
        ("api", 200, True),
        ("api", 301, False),
        ("api", 403, False),
        ("streaming", 401, True),
        ("streaming", 500, False),
        ("streaming", 101, False),
        ("streaming", 0, False),
    ],
)
def test_answers_mean_what_was_measured(surface: str, status: int, well: bool) -> None:
    one = probe(surface)
    assert probes.is_well(one, probes.ReplicaAnswer(surface, "10.0.0.2", status)) is well


def test_answers_are_read_in_a_stable_order_and_other_lines_skipped() -> None:
    output = (
        "probe web 10.0.0.3 0 200 0.012\nsh: warning: whatever\nprobe web 10.0.0.2 28 000 3.001\n"
        "probe api - 6 000 0\nprobe web too few\nprobe web 10.0.0.9 x 200 0.1\n"
    )
    assert probes.read(output) == (
        probes.ReplicaAnswer("api", "", 0, 0.0, "no replica is in the network"),
        probes.ReplicaAnswer("web", "10.0.0.2", 0, 3.001, "no answer within 3 s"),
        probes.ReplicaAnswer("web", "10.0.0.3", 200, 0.012),
    )


def test_an_answer_cut_short_keeps_the_status_that_came() -> None:
    assert probes.read("probe web 10.0.0.2 18 200 0.1\n")[0].status == 200


@given(st.text(alphabet=string.printable, max_size=60))
def test_nothing_in_a_header_leaves_its_word(value: str) -> None:
    one = probes.Probe("web", "web", 3000, "/x", (("Host", value),), frozenset({200}), ("web",))
    line = next(line for line in probes.argv((one,))[2].split("ask ") if line.startswith("web web"))
    words = shlex.split(line[: line.rindex(" &")])
    assert words == ["web", "web", "3000", "/x", "-H", f"Host: {value}"]
