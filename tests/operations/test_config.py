from __future__ import annotations

import pytest

from instancectl.adapters.config_file import parse
from instancectl.core import config_keys
from instancectl.core.layout import Machine, derive
from instancectl.core.result import Status
from instancectl.core.secret_set import SecretSet
from instancectl.core.units import GIB
from instancectl.errors import ConfigError
from instancectl.operations import config as operation
from tests.fakes.secret_generator import complete

MACHINE = Machine(4 * GIB, 2)
TEXT = '[instance]\ndomain = "social.example.org"\n[mail]\nmode = "catch"\n[services.web]\nthreads = 4\n'
CONFIG = parse(TEXT)


def test_every_value_is_shown_with_its_origin() -> None:
    values = operation.show(CONFIG, MACHINE).data["values"]
    assert set(values) == set(config_keys.keys())
    assert values["instance.domain"] == {"value": "social.example.org", "origin": "file"}
    assert values["services.web.threads"] == {"value": 4, "origin": "file"}
    assert values["mail.port"] == {"value": 587, "origin": "default"}
    assert values["instance.layout"] == {"value": "small", "origin": "derived"}
    assert values["services.sidekiq-push.threads"] == {"value": 25, "origin": "derived"}
    assert values["instance.name"] == {"value": "social-example-org", "origin": "derived"}
    assert values["images.web"]["value"] == "ghcr.io/mastodon/mastodon:v4.6.3"


def test_a_default_written_into_the_file_comes_from_the_file() -> None:
    values = operation.show(parse(TEXT + "[proxy]\nhttp_port = 80\n"), MACHINE).data["values"]
    assert values["proxy.http_port"] == {"value": 80, "origin": "file"}
    assert values["proxy.https_port"] == {"value": 443, "origin": "default"}


def test_a_good_file_with_good_secrets_is_ok() -> None:
    result = operation.check(CONFIG, complete(), MACHINE)
    assert (result.status, result.exit_code) == (Status.OK, 0)
    assert result.data["verdict"] == "ok"


def test_missing_secrets_are_named_and_the_exit_code_is_3() -> None:
    result = operation.check(CONFIG, SecretSet(), MACHINE)
    assert (result.status, result.exit_code) == (Status.FAILED, 3)
    assert any("`SECRET_KEY_BASE` is missing" in line for line in result.lines)


def test_a_contradiction_fails_the_check() -> None:
    result = operation.check(parse('[instance]\ndomain = "a.example.org"\n'), complete(), MACHINE)
    assert result.exit_code == 3
    assert "config-mail-server" in [finding["check"] for finding in result.data["findings"]]


def test_sizes_that_do_not_fit_fail_the_check_with_the_arithmetic() -> None:
    wanted = parse(TEXT + "processes = 40\n")
    findings = {
        finding["check"]: finding for finding in operation.check(wanted, complete(), MACHINE).data["findings"]
    }
    assert findings["config-layout"]["severity"] == "fail"
    assert "MiB > 4096 MiB" in findings["config-layout"]["seen"]


def test_a_layout_that_had_to_step_down_is_a_warning() -> None:
    wanted = parse(TEXT.replace("[mail]", 'layout = "large"\n[mail]'))
    result = operation.check(wanted, complete(), MACHINE)
    assert (result.data["verdict"], result.exit_code) == ("warn", 0)


def test_a_machine_that_is_too_small_is_a_warning() -> None:
    result = operation.check(CONFIG, complete(), Machine(GIB, 1))
    assert result.data["verdict"] == "warn"


def test_one_key_is_explained_with_its_arithmetic() -> None:
    [key] = operation.explain(CONFIG, MACHINE, "database.max_connections").data["keys"]
    layout = derive(CONFIG, MACHINE)
    assert key["value"] == layout.db.max_connections
    assert key["origin"] == "derived"
    assert key["reason"].endswith(f"≤ {layout.db.max_connections}")


def test_a_service_the_layout_lacks_says_who_does_its_work() -> None:
    [key] = operation.explain(CONFIG, MACHINE, "services.sidekiq-pull.replicas").data["keys"]
    assert key["reason"] == "`small` has no process of its own for pull: `sidekiq-push` works on it"


def test_a_section_explains_all_its_keys() -> None:
    keys = operation.explain(CONFIG, MACHINE, "redis").data["keys"]
    assert [key["key"] for key in keys] == ["redis.memory_mib"]


def test_a_key_can_be_explained_without_an_instance_file() -> None:
    [key] = operation.explain(None, MACHINE, "mail.port").data["keys"]
    assert "value" not in key
    assert key["default"] == 587


def test_a_mistyped_key_is_led_to_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"unknown key `mail.prot`") as error:
        operation.explain(CONFIG, MACHINE, "mail.prot")
    assert error.value.hint == "did you mean `mail.port`?"


def test_the_whole_layout_is_explained_with_both_budgets() -> None:
    result = operation.explain_layout(CONFIG, MACHINE)
    assert result.lines[0] == "layout `small`"
    assert result.data["memory"]["fits"]
    assert result.data["connections"]["fits"]
    assert sum(line["amount"] for line in result.data["memory"]["lines"]) == result.data["memory"]["total"]
    assert {row["service"] for row in result.data["services"]} >= {
        "web",
        "streaming",
        "sidekiq",
        "db",
        "redis",
    }
    said = "\n".join(result.lines)
    assert all(reason["key"] in said for reason in result.data["reasons"])


def test_the_schema_is_printed_as_it_is() -> None:
    result = operation.schema()
    assert "\n".join(result.lines).startswith("{")
    assert result.data["schema"]["title"] == "instance.toml of instancectl"
