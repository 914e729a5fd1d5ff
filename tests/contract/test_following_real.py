"""A copy of a real PostgreSQL follows it, takes over in seconds, and has every row that was committed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.backup_harness import redis
from tests.contract.moving_harness import OldHost, move, new_host
from tests.contract.test_moments_real import Cluster, cluster_of

pytestmark = [pytest.mark.contract, pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of("testbed/postgres:18", tmp_path_factory.mktemp("following")) as made:
        yield made


def test_it_moves_in_seconds_and_nothing_is_lost(cluster: Cluster, tmp_path: Path) -> None:
    for number in range(30):
        path = cluster.made.media / f"accounts/{number:02}/a.jpg"
        path.parent.mkdir(parents=True)
        path.write_bytes(f"media {number}".encode() * number)
    destination = cluster.made.destination
    old = OldHost(cluster, destination)
    with cluster.receiver(), new_host(cluster, destination, tmp_path / "new") as new:
        old.prepare()
        found = move(old, new)
        # The cluster has a timeline of its own now: from its first set on, moments are reached again.
        here = new.as_cluster()
        with redis(new.stack, here.made.secrets), here.receiver():
            here.send()
            here.made.backup()
            here.say("moved")
            here.send()
            assert here.words("latest", which="word in ('here', 'moved')") == ["here", "moved"]
    print(found)
    assert found.committed > 100
    assert (found.lost_rows, found.lost_files) == (0, 0)
    assert found.gap < 10
