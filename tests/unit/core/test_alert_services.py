"""Prometheus and Alertmanager in the stack: private, within the budget, and only where they are wanted."""

from __future__ import annotations

import re

from instancectl.core import budget, stack_file, topology
from instancectl.core.monitoring import alerts
from instancectl.core.monitoring.rules import reached
from instancectl.core.service import HOST_NETWORK, Attachment
from tests.fakes import instance

WATCHED = instance.config(
    monitoring={"enabled": True}, images={"prometheus": "prometheus:1", "alertmanager": "alertmanager:1"}
)
NAMES = {"prometheus", "alertmanager"}


def test_an_instance_without_alerts_has_nothing_of_it() -> None:
    desired = instance.desired()
    assert not NAMES & {spec.name for spec in desired.services}
    assert not NAMES & set(desired.volumes)
    assert not [name for name in (*desired.configs, *desired.secrets) if "notify" in name or "rules" in name]
    assert HOST_NETWORK not in stack_file.compose(desired)["networks"]


def test_both_come_last_and_publish_nothing() -> None:
    desired = instance.desired(WATCHED)
    assert set(desired.stages[-1]) == NAMES
    for name in NAMES:
        spec = desired.service(name)
        assert spec.networks == (Attachment(HOST_NETWORK),)
        assert spec.ports == ()
        assert any(word.startswith("--web.listen-address=127.0.0.1:") for word in spec.command)
        assert spec.image == f"{name}:1"
    assert "--cluster.listen-address=" in desired.service("alertmanager").command
    assert set(desired.volumes) >= NAMES
    assert {"prometheus:1", "alertmanager:1"} <= set(
        topology.image_references(WATCHED, instance.layout(WATCHED))
    )


def test_nothing_else_is_in_the_hosts_network() -> None:
    services = instance.desired(WATCHED).services
    assert {one.name for one in services if Attachment(HOST_NETWORK) in one.networks} == NAMES


def test_the_stack_file_names_the_hosts_network_as_one_that_is_there() -> None:
    made = stack_file.compose(instance.desired(WATCHED))
    assert made["networks"][HOST_NETWORK] == {"external": True, "name": "host"}
    assert made["services"]["prometheus"]["networks"] == {HOST_NETWORK: {}}


def test_their_memory_is_part_of_the_budget() -> None:
    plain, watched = (
        {line.label: line.amount for line in budget.service_memory(instance.layout(of))}
        for of in (instance.config(), WATCHED)
    )
    added = {name: amount for name, amount in watched.items() if name not in plain}
    assert set(added) == NAMES
    assert sum(added.values()) <= 240 * 1024**2


def test_retention_reaches_beyond_the_objective() -> None:
    words = instance.desired(WATCHED).service("prometheus").command
    days = next(word.rpartition("=")[2] for word in words if "retention.time" in word)
    assert int(days.rstrip("d")) >= 31


def test_no_file_holds_a_secret_and_the_token_is_none_of_the_instances() -> None:
    made = instance.rendered(WATCHED)
    plain = (*made.prometheus_files.values(), *made.alertmanager_files.values())
    assert len(plain) == 3
    assert not instance.leaks("".join(plain))
    assert re.fullmatch("[0-9a-f]{64}", made.notify_token.reveal())
    assert not instance.leaks(made.notify_token.reveal())


def test_what_listens_everywhere_is_reached_on_loopback() -> None:
    assert reached("0.0.0.0:9394") == "127.0.0.1:9394"
    assert reached("[::]:9394") == "[::1]:9394"
    assert reached("10.1.2.3:9394") == "10.1.2.3:9394"


def test_every_inhibition_stands_in_the_file() -> None:
    (text,) = instance.rendered(WATCHED).alertmanager_files.values()
    for rule in alerts.inhibitions(WATCHED):
        assert f"target_matchers: ['alertname=~\"{'|'.join(rule.targets)}\"']" in text
        assert not rule.same or f"equal: [{rule.same}]" in text


def test_thresholds_come_from_the_file() -> None:
    def expr(name: str, **limits: int) -> str:
        config = instance.config(alerts={"thresholds": limits}, tls={"mode": "acme"})
        return next(one.expr for one in alerts.catalogue(config) if one.name == name)

    assert expr("DiskAlmostFull", disk_free_percent=7).endswith("< 0.07")
    assert expr("DiskWillFill", disk_full_hours=12).startswith(
        "predict_linear(instancectl_disk_free_bytes[6h], 43200)"
    )
    assert expr("CertificateExpiring", certificate_days=20).endswith(f"< {20 * 86400}")
    assert expr("CertificateExpiringSoon", certificate_days=20).endswith(f"< {4 * 86400}")
    assert expr("DatabaseConnectionsHigh", database_connections_percent=70).endswith("> 0.7")
    assert expr("RedisMemoryHigh", redis_memory_percent=70).endswith("> 0.7")
    assert expr("TransactionTooLong", transaction_hours=2).endswith("> 7200")
    assert expr("ReplicationLagHigh", replication_lag_seconds=5).endswith("> 5")
    assert "> 0.3\n" in expr("JobFailureRatioHigh", job_failure_percent=30)
    assert "> 0.4\n" in expr("MailDeliveryFailing", mail_failure_percent=40)
    assert expr("DeadJobsGrowing", dead_jobs_per_hour=9).endswith("> 9")


def test_certificates_of_the_proxys_own_authority_may_be_short() -> None:
    config = instance.config(tls={"mode": "internal"})
    found = {one.name: one.expr for one in alerts.catalogue(config)}
    assert found["CertificateExpiring"].endswith(f"< {3 * 3600}")
