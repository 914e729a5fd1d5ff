"""Setting backups up: a kit that opens what it should, and no dangerous destination."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.backup import keys, kit
from instancectl.core.backup.danger import Danger
from instancectl.core.config import InstanceConfig
from instancectl.core.secret_set import SecretSet, from_values
from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed, Refused, Unreachable
from instancectl.operations.backup.init import Setup, finish, initialise
from instancectl.operations.backup.subject import Tools
from tests.fakes.clock import FakeClock
from tests.fakes.destination import FakeDestination
from tests.fakes.private_file import FakePrivateFile
from tests.fakes.progress import FakeProgress
from tests.fakes.reporter import FakeReporter
from tests.fakes.sealing import FakeSealing
from tests.fakes.secret_store import FakeSecretStore

WANTED = {"backup.destination.kind": "directory", "backup.destination.path": "/mnt/backup"}


class Bench:
    def __init__(self) -> None:
        self.clock, self.sealing = FakeClock(), FakeSealing()
        self.place, self.store, self.page = FakeDestination(self.clock), FakeSecretStore(), FakePrivateFile()
        self.written: dict[str, object] = {}

    def setup(self, **changes: object) -> Setup:
        config = InstanceConfig.model_validate(
            {"instance": {"domain": "social.example"}, "mail": {"mode": "none"}}
        )
        made = Setup(
            config,
            [self.place],
            "/data",
            self.store,
            self.page,
            self.written.update,
            WANTED,
            {"SECRET_KEY_BASE": "abc"},
        )
        return replace(made, **changes)

    def run(self, setup: Setup | None = None, **options: object):
        tools = Tools(self.sealing, self.clock, FakeReporter(), FakeProgress())
        return initialise(setup or self.setup(), tools, from_values({}), **options)


@pytest.fixture
def bench():
    return Bench()


def nothing_changed(bench: Bench) -> bool:
    return not bench.written and not bench.page.exists() and not bench.store.load().values


def test_the_kit_opens_what_the_host_seals(bench):
    answer = bench.run()
    identity, public, _ = kit.opens(bench.page.read())
    recipient = bench.written["backup.recipients"][0]
    assert answer.data["recipient"] == recipient == bench.sealing.recipient_of(identity)
    signing = bench.store.load().get(keys.SIGNING_KEY)
    assert bench.sealing.signed(public, b"x", bench.sealing.sign(signing, b"x"))
    assert bench.written.keys() == {*WANTED, "backup.recipients"}


def test_the_page_says_what_a_stranger_needs(bench):
    bench.run()
    page = bench.page.read()
    for needed in ("social.example", "memory", "FORMAT", "SECRET_KEY_BASE  abc", "kit code: "):
        assert needed in page


def test_the_private_key_is_in_the_kit_alone(bench):
    answer = bench.run()
    identity, _, _ = kit.opens(bench.page.read())
    for other in (
        str(answer),
        str(bench.written),
        str({k: v.reveal() for k, v in bench.store.load().values.items()}),
    ):
        assert identity.reveal() not in other
    assert identity.reveal().encode() not in b"".join(bench.place.objects.values())


def test_it_stays_here_when_asked_to(bench):
    bench.run(keep_key=True)
    identity, _, _ = kit.opens(bench.page.read())
    assert bench.store.load().reveal(keys.IDENTITY) == identity.reveal()


def test_the_destination_is_tried_and_left_clean(bench):
    bench.run()
    assert not bench.place.objects


def test_a_kit_that_would_not_open_anything_sets_nothing_up(bench):
    bench.page.garbles = True
    with pytest.raises(OperationFailed):
        bench.run()
    assert nothing_changed(bench)


@pytest.mark.parametrize("slug", ["same-disk", "public-bucket", "long-lock"])
def test_a_dangerous_destination_is_refused_by_name(bench, slug):
    bench.place.danger = (Danger(slug, "it is so"),)
    with pytest.raises(Refused, match=f"{slug}: it is so") as caught:
        bench.run()
    assert f"--accept-risk {slug}" in caught.value.hint
    assert nothing_changed(bench)
    bench.run(accepted=(slug,))
    assert bench.page.exists()


def test_a_dead_destination_sets_nothing_up(bench):
    bench.place.down = True
    with pytest.raises(Unreachable):
        bench.run()
    assert nothing_changed(bench)


def test_a_full_destination_sets_nothing_up(bench):
    bench.place.room = 3
    with pytest.raises(OperationFailed, match="no space left"):
        bench.run()
    assert nothing_changed(bench)


def test_without_a_destination_it_says_what_to_type(bench):
    with pytest.raises(Refused, match="without a destination") as caught:
        bench.run(bench.setup(destinations=[]))
    assert "--directory" in caught.value.hint


def test_what_is_set_up_stays(bench):
    bench.run()
    config = InstanceConfig.model_validate(
        {"instance": {"domain": "social.example"}, "backup": {"recipients": ["age1x"]}}
    )
    page = bench.page.read()
    with pytest.raises(Refused, match="set up already"):
        bench.run(bench.setup(config=config))
    assert bench.page.read() == page


def test_a_kit_of_an_earlier_attempt_is_never_overwritten(bench):
    bench.page.create("older kit")
    with pytest.raises(Refused, match="did not end"):
        bench.run()
    assert bench.page.read() == "older kit"


class TestFinish:
    def test_whoever_holds_the_kit_can_remove_it_from_the_host(self, bench):
        bench.run()
        _, _, code = kit.opens(bench.page.read())
        with pytest.raises(Refused, match="not the code"):
            finish(bench.store, bench.page, "0000-0000")
        assert bench.page.exists()
        assert finish(bench.store, bench.page, f" {code.lower()} ").status == "changed"
        assert not bench.page.exists()

    def test_again_it_is_unchanged(self, bench):
        assert finish(bench.store, bench.page, "x").status == "unchanged"

    def test_without_a_code_of_its_own_nothing_matches(self, bench):
        bench.page.create("something")
        with pytest.raises(Refused):
            finish(bench.store, bench.page, "")


def test_a_page_that_is_no_kit_is_refused():
    with pytest.raises(OperationFailed, match="no emergency kit"):
        kit.opens("a shopping list")


def test_a_bucket_key_is_stored(bench):
    tools = Tools(bench.sealing, bench.clock, FakeReporter(), FakeProgress())
    pair = SecretSet({"BACKUP_DESTINATION_KEY_ID": Secret("id"), "BACKUP_DESTINATION_KEY": Secret("key")})
    initialise(bench.setup(), tools, pair)
    assert bench.store.load().reveal("BACKUP_DESTINATION_KEY") == "key"
