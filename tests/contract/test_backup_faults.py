"""Whole backups into a real bucket whose store misbehaves: the old set stays, and what failed is told.

Every fault is judged the same way. The set of the night before is read back, byte by byte, straight from
the store. A night that failed has an exit code of its own and does not count as a success in the metrics;
one that survived left a set that reads back as well.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from instancectl.core.backup import naming
from instancectl.errors import InstanceError
from instancectl.operations.backup.place import Place
from instancectl.operations.backup.repository import Repository
from instancectl.operations.backup.verify import verify
from tests.contract.fault_proxy import Fault, FaultProxy
from tests.contract.test_backup_s3 import ERROR, SLOW_DOWN
from tests.contract.test_destinations import Bucket
from tests.fakes.lock import FakeLock
from tests.operations.backup_world import World

pytestmark = [pytest.mark.contract, pytest.mark.slow]

DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
UNKNOWN = b"<?xml version='1.0'?><Error><Code>NotImplemented</Code></Error>"
OFTEN = 10_000
PATIENCE_SECONDS = 1.0


@dataclass
class Night:
    """An instance whose bucket lies behind the proxy."""

    bucket: Bucket
    proxy: FaultProxy
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.world.clock.now = time.time() - self.world.clock.epoch_seconds()
        self.connect()
        self.world.media.write("accounts/1.jpg", b"one" * 9000)
        self.old = self.world.create().data["set"]
        self.world.media.write("accounts/2.jpg", b"two" * 9000)
        self.world.days_pass(1)

    def connect(self) -> None:
        """As a command does that begins: nothing is known of the store yet."""
        self.world.places = [self.bucket.destination(endpoint=self.proxy.url, read_seconds=PATIENCE_SECONDS)]

    def listing(self) -> bytes:
        """The last answer that listed everything."""
        return max((raw for one, raw in self.proxy.answers.items() if "list-type" in one), key=len)

    def straight(self) -> Place:
        """The same bucket without anything between."""
        repository = Repository(
            self.bucket.destination(), self.world.sealing, self.world.public, self.world.signing
        )
        return Place([repository], FakeLock(), self.world.journal, self.world.figures)

    def whole(self, set_id: str) -> bool:
        return verify(self.straight(), self.world.tools, set_id, read=True).exit_code == 0


@pytest.fixture
def night(ceph: str) -> Iterator[Night]:
    host, port = ceph.removeprefix("http://").split(":")
    with FaultProxy(host, int(port)) as running:
        yield Night(Bucket(ceph), running)


SURVIVED = {
    "slow-down": Fault("PUT", status=503, body=SLOW_DOWN, times=3),
    "too-many-requests": Fault("PUT", status=429, body=SLOW_DOWN, times=2),
    "internal-error": Fault("GET", status=500, body=ERROR, times=2),
    "put-lost": Fault("PUT", "media/packs", lost=True),
    "commit-lost": Fault("PUT", r"sets/.*json$", lost=True),
    "get-cut": Fault("GET", "sets/", cut_after=10),
    "list-cut": Fault("GET", "list-type", cut_after=100),
    "black-hole": Fault("PUT", "parts/", silent=True),
    "no-conditional-writes": Fault("PUT", status=501, body=UNKNOWN, times=1),
    "locks-unknown": Fault("GET", r"\?object-lock", status=501, body=UNKNOWN),
}


@pytest.mark.parametrize("name", SURVIVED)
def test_a_night_survives(night: Night, name: str) -> None:
    fault = SURVIVED[name]
    fault.seen = 0
    night.proxy.faults.append(fault)
    night.connect()
    new = night.world.create().data["set"]
    assert fault.seen
    assert night.world.figures.load().success == pytest.approx(night.world.clock.epoch_seconds(), abs=2)
    assert night.whole(new)
    assert night.whole(night.old)


FAILED = {
    "keys-revoked": Fault("PUT", "parts/.*redis", status=403, body=DENIED, times=OFTEN),
    "everything-revoked": Fault("GET", "", status=403, body=DENIED, times=OFTEN),
    "no-list": Fault("GET", "list-type", status=403, body=DENIED, times=OFTEN),
    "commit-denied": Fault("PUT", r"sets/.*json$", status=403, body=DENIED, times=OFTEN),
    "silent-for-long": Fault("PUT", "parts/.*globals", silent=True, times=OFTEN),
}


@pytest.mark.parametrize("name", FAILED)
def test_a_night_fails_and_the_old_set_stays(night: Night, name: str) -> None:
    fault = FAILED[name]
    fault.seen = 0
    before = night.world.figures.load()
    night.proxy.faults.append(fault)
    with pytest.raises(InstanceError) as caught:
        night.world.create()
    assert fault.seen
    assert caught.value.exit_code
    assert night.world.figures.load().success == before.success
    assert night.world.figures.load().attempt > before.attempt
    assert night.world.journal.events()[-1] == "backup-failed"
    assert night.whole(night.old)
    assert [one.id for one in night.straight().repositories[0].look().sets] == [night.old]
    # Once the store is well again, the next night needs nobody.
    night.proxy.faults.clear()
    night.world.days_pass(1)
    assert night.whole(night.world.create().data["set"])


def targets(night: Night, prefix: str) -> list[str]:
    """What was fetched below a prefix, as it was asked for."""
    return [one for one in night.proxy.answers if f"/{prefix}" in one and "?" not in one]


SPOILT = {
    "flipped-bit": Fault("GET", naming.PACKS, flip_at=500),
    "flipped-bit-in-a-part": Fault("GET", "database.dump", flip_at=30),
    "truncated": Fault("GET", naming.PACKS, truncate=7),
    "empty": Fault("GET", "media.tsv", status=200, body=b""),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_read_back_wrong_is_named(night: Night, name: str) -> None:
    fault = SPOILT[name]
    fault.seen = 0
    night.proxy.faults.append(fault)
    answer = night.world.verify(night.old, read=True)
    assert answer.exit_code == 4
    (named,) = answer.data["sets"][0]["faults"]
    assert naming.set_of(named.split("`")[1]) == night.old or naming.PACKS in named
    assert not night.world.figures.load().verify_ok
    night.proxy.faults.clear()
    assert night.whole(night.old)


def test_an_object_in_the_place_of_another_is_named(night: Night) -> None:
    night.world.verify(night.old, read=True)
    one, other = targets(night, "parts/")[:2]
    night.proxy.faults.append(Fault("GET", one.rpartition("/")[2], replay=night.proxy.answers[other]))
    answer = night.world.verify(night.old, read=True)
    assert answer.exit_code == 4
    assert one.rpartition("/")[2] in answer.data["sets"][0]["faults"][0]


def test_an_older_description_under_a_newer_name_is_named(night: Night) -> None:
    new = night.world.create().data["set"]
    night.world.verify("all")
    old_answer = next(
        night.proxy.answers[one] for one in targets(night, "sets/") if f"{night.old}.json" in one
    )
    night.proxy.faults.append(Fault("GET", f"{new}.json$", replay=old_answer, times=OFTEN))
    answer = night.world.verify(new)
    assert answer.exit_code == 4
    assert "is not signed by this instance" in answer.data["sets"][0]["faults"][0]
    night.proxy.faults.clear()
    assert night.whole(new)


def test_a_bucket_that_was_put_back_to_yesterday_is_noticed(night: Night) -> None:
    night.world.verify()
    stale = night.listing()
    new = night.world.create().data["set"]
    night.proxy.faults.append(Fault("GET", "list-type", replay=stale, times=OFTEN))
    answer = night.world.verify()
    assert answer.exit_code == 4
    assert "an older state was put back" in answer.data["sets"][-1]["faults"][0]
    night.proxy.faults.clear()
    assert night.whole(new)


def test_a_stale_listing_removes_nothing(night: Night) -> None:
    """The newest set is not listed yet while sets are expired: nothing that it needs goes."""
    night.world.verify()
    stale = night.listing()
    new = night.world.create().data["set"]
    fault = Fault("GET", "list-type", replay=stale, times=OFTEN)
    night.proxy.faults.append(fault)
    night.world.expire()
    night.world.days_pass(3)
    night.proxy.faults.clear()
    night.world.expire()
    assert night.whole(new)
    assert night.whole(night.old)


def test_a_key_that_may_not_remove_is_no_failure(night: Night) -> None:
    night.world.policy = type(night.world.policy)(1, 0, 0)
    night.world.create()
    night.proxy.faults.append(Fault("DELETE", status=403, body=DENIED, times=OFTEN))
    answer = night.world.expire()
    assert answer.exit_code == 0
    assert answer.data["destinations"][0]["held_sets"] == [night.old]
    assert night.whole(night.old)
