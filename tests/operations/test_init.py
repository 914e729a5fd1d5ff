from __future__ import annotations

import dataclasses

import pytest

from instancectl.core.adoption import IRREPLACEABLE, adopt
from instancectl.core.layout import Machine
from instancectl.core.result import Status
from instancectl.core.secret_set import from_values
from instancectl.core.units import GIB
from instancectl.errors import ConfigError, Refused
from instancectl.operations import init
from tests.fakes.config_store import FakeConfigStore
from tests.fakes.secret_generator import GENERATED, FakeSecretGenerator, complete
from tests.fakes.secret_store import FakeSecretStore

LOCAL = {"instance.domain": "social.example", "mail.mode": "catch"}
MAIL = {"instance.domain": "social.example", "mail.server": "mx.example", "mail.login": "me"}


def around(config: str = "", *, deployed: bool = False, **secrets: str) -> init.Surroundings:
    return init.Surroundings(
        config_store=FakeConfigStore(config),
        secret_store=FakeSecretStore(**secrets),
        generator=FakeSecretGenerator(),
        machine=Machine(4 * GIB, 2),
        deployed=deployed,
    )


def run(place: init.Surroundings, **request: object):
    return init.write(init.prepare(init.Request(**request), place), place)


def values(secrets) -> dict[str, str]:
    return {name: secrets.reveal(name) for name in secrets.values}


def test_a_new_instance_gets_a_file_and_every_secret() -> None:
    place = around()
    result = run(place, wanted=LOCAL)
    assert result.status is Status.CHANGED
    assert place.config_store.load().instance.domain == "social.example"
    assert set(place.secret_store.load().values) == set(GENERATED)
    assert place.secret_store.load().problems(place.config_store.load()) == ()


def test_the_second_time_changes_nothing_and_says_so() -> None:
    place = around()
    run(place, wanted=LOCAL)
    text, secrets = place.config_store.text, values(place.secret_store.load())
    result = run(place, wanted=LOCAL)
    assert result.status is Status.UNCHANGED
    assert result.lines[0] == "instance.toml and its secrets are there; nothing to do"
    assert (place.config_store.text, values(place.secret_store.load())) == (text, secrets)


def test_a_missing_secret_is_made_and_the_others_stay() -> None:
    place = around()
    run(place, wanted=LOCAL)
    before = values(place.secret_store.load())
    kept = {name: value for name, value in before.items() if name != "REDIS_PASSWORD"}
    place = around(place.config_store.text, **{**kept, "DB_PASS": "my-own-password-here"})
    result = run(place)
    assert result.data["secrets"]["generated"] == ["REDIS_PASSWORD"]
    assert place.secret_store.load().reveal("DB_PASS") == "my-own-password-here"


def test_describing_writes_nothing() -> None:
    place = around()
    result = init.describe(init.prepare(init.Request(LOCAL), place), place)
    assert result.status is Status.PLANNED
    assert result.lines[0] == "would write instance.toml: social.example"
    assert place.config_store.text == ""
    assert not place.secret_store.load().values


def test_no_value_of_a_secret_is_ever_said() -> None:
    place = around()
    result = run(place, wanted=MAIL, given=from_values({"SMTP_PASSWORD": "hunter2hunter2"}))
    said = f"{result.data} {result.lines} {result.notes}"
    assert "SMTP_PASSWORD" in said
    assert not [value for value in values(place.secret_store.load()).values() if value in said]


def test_an_instance_file_is_never_rewritten_for_another_value() -> None:
    place = around('[instance]\ndomain = "social.example"\n[mail]\nmode = "catch"\n')
    result = run(place, wanted={**LOCAL, "proxy.http_port": 8080})
    assert "http_port" not in place.config_store.text
    assert result.notes == (
        "`proxy.http_port`: the instance file says something else and is never overwritten; edit it",
    )


def test_another_domain_is_refused_before_anything_is_written() -> None:
    place = around('[instance]\ndomain = "social.example"\n')
    with pytest.raises(Refused, match=r"for `other.example`: it is the file of `social.example`"):
        run(place, wanted={"instance.domain": "other.example"})
    assert not place.secret_store.load().values


def test_a_secret_that_is_there_is_never_replaced_by_a_given_one() -> None:
    place = around(SMTP_PASSWORD="the-old-one")
    with pytest.raises(Refused, match="cannot replace `SMTP_PASSWORD`") as refusal:
        run(place, wanted=MAIL, given=from_values({"SMTP_PASSWORD": "the-new-one"}))
    assert "the-old-one" not in refusal.value.message
    assert "the-new-one" not in refusal.value.message


def test_lost_secrets_of_a_deployed_instance_are_never_made_up() -> None:
    place = around('[instance]\ndomain = "social.example"\n', deployed=True)
    with pytest.raises(ConfigError, match="a new value would not fit its data") as error:
        run(place)
    assert error.value.exit_code == 3
    assert "backup" in error.value.hint
    assert not place.secret_store.load().values


def test_a_mangled_secret_stops_it() -> None:
    with pytest.raises(ConfigError, match="`DB_PASS` is too short"):
        run(around(DB_PASS="kurz"), wanted=LOCAL)


def test_half_a_vapid_pair_is_not_completed_with_a_stranger() -> None:
    private = complete().reveal("VAPID_PRIVATE_KEY")
    with pytest.raises(ConfigError, match="`VAPID_PUBLIC_KEY` is missing, but its other half is there"):
        run(around(VAPID_PRIVATE_KEY=private), wanted=LOCAL)


def test_wrong_values_are_named_by_their_key() -> None:
    with pytest.raises(ConfigError, match=r"`instance.layout` must be"):
        run(around(), wanted={**LOCAL, "instance.layout": "huge"})


def test_sizes_that_do_not_fit_are_refused_before_anything_is_written() -> None:
    place = around()
    with pytest.raises(Refused, match="MiB >"):
        run(place, wanted={**LOCAL, "services.web.processes": 40})
    assert place.config_store.text == ""


def test_a_password_nobody_gave_is_named_as_missing() -> None:
    result = run(around(), wanted=MAIL)
    assert result.data["secrets"]["lacking"] == ["SMTP_PASSWORD"]
    assert "still missing: add `SMTP_PASSWORD=…` to secrets.env" in result.lines


def adopted():
    old = {name: complete().reveal(name) for name in IRREPLACEABLE}
    return adopt({**old, "LOCAL_DOMAIN": "old.example", "DB_HOST": "localhost", "ES_PASS": "elastic"})


def test_an_adopted_server_keeps_its_secrets_and_gets_new_passwords_for_new_stores() -> None:
    place = around()
    result = run(place, adopted=adopted())
    assert place.config_store.load().instance.domain == "old.example"
    assert result.data["secrets"]["generated"] == ["DB_PASS", "REDIS_PASSWORD"]
    assert set(result.data["secrets"]["given"]) == {*IRREPLACEABLE, "ES_PASS"}
    assert "DB_HOST" in result.notes[0]


def test_adopting_twice_changes_nothing() -> None:
    place = around()
    run(place, adopted=adopted())
    assert run(place, adopted=adopted()).status is Status.UNCHANGED


def test_adopting_another_servers_secrets_over_these_is_refused() -> None:
    place = around()
    run(place, adopted=adopted())
    other = dataclasses.replace(adopted(), secrets=from_values({"SECRET_KEY_BASE": "f" * 128}))
    with pytest.raises(Refused, match="cannot replace `SECRET_KEY_BASE`"):
        run(place, adopted=other)


def test_interrupted_after_the_secrets_it_goes_on_with_them() -> None:
    place = around()
    prepared = init.prepare(init.Request(LOCAL), place)
    place.secret_store.add(place.generator.generate(prepared.generate))
    before = values(place.secret_store.load())
    assert run(place, wanted=LOCAL).status is Status.CHANGED
    assert values(place.secret_store.load()) == before


def test_the_next_commands_find_the_instance_again() -> None:
    place = dataclasses.replace(around(), option="--config /srv/social")
    assert run(place, wanted=LOCAL).data["next"][0] == "instancectl --config /srv/social check"
