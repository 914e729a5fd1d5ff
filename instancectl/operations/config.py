"""Shows, checks and explains the configuration; changes nothing."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from instancectl.core import budget, config_keys, config_text
from instancectl.core.check import Finding, Severity, verdict
from instancectl.core.config import InstanceConfig
from instancectl.core.config_errors import unknown_key
from instancectl.core.config_keys import Key, Value
from instancectl.core.config_rules import contradictions
from instancectl.core.layout import Layout, Machine, Room, derive, planned_machine, usable
from instancectl.core.result import Result, Status
from instancectl.core.secret_set import SecretSet
from instancectl.core.units import show_mib
from instancectl.errors import Refused


def show(config: InstanceConfig, machine: Machine, others: Sequence[Room] = ()) -> Result:
    """Every key with the value that holds and where it comes from: `file`, `default` or `derived`."""
    layout = derive(config, machine, others)
    values = {path: _effective(config, layout, key) for path, key in config_keys.keys().items()}
    lines: list[str] = []
    for table in config_keys.tables():
        lines += ["", f"[{table.path}]"]
        shown = [
            (key.name, config_text.toml_value(values[key.path][0]), values[key.path][1]) for key in table.keys
        ]
        width = max(len(f"{name} = {value}") for name, value, _ in shown)
        lines += [f"{f'{name} = {value}':{min(width, 60)}}  # {origin}" for name, value, origin in shown]
    data = {path: {"value": _plain(value), "origin": origin} for path, (value, origin) in values.items()}
    return Result(Status.OK, {"values": data}, tuple(lines[1:]))


def check(
    config: InstanceConfig, secrets: SecretSet, machine: Machine, others: Sequence[Room] = ()
) -> Result:
    """Judge file and secrets; exit code 3 when something would not work."""
    findings = (
        Finding("config-file", Severity.OK, f"{config.instance.domain}: every key is known and valid"),
        *contradictions(config),
        *_secrets(config, secrets),
        _sizes(config, machine, others),
    )
    worst = verdict(findings)
    failed = worst is Severity.FAIL
    lines = tuple(line for finding in findings for line in _finding_lines(finding))
    data = {"verdict": worst.value, "findings": [finding.as_json() for finding in findings]}
    return Result(Status.FAILED if failed else Status.OK, data, lines, exit_code=3 if failed else 0)


def explain(
    config: InstanceConfig | None, machine: Machine, path: str, others: Sequence[Room] = ()
) -> Result:
    """One key: what it means, its default, its value and the arithmetic behind it.

    Args:
        config: None when there is no instance file; then only the meaning is known.
        machine: as measured.
        path: dotted key, or a section for all its keys.
        others: further hosts.

    Raises:
        ConfigError: there is no such key; a similar one is named.
    """
    keys = config_keys.keys()
    chosen = (
        [keys[path]] if path in keys else [key for key in keys.values() if key.path.startswith(f"{path}.")]
    )
    if not chosen:
        raise unknown_key(path)
    layout = derive(config, machine, others) if config else None
    explained = [_explained(key, config, layout) for key in chosen]
    lines = [line for facts in explained for line in ("", *_explained_lines(facts))]
    return Result(Status.OK, {"keys": explained}, tuple(lines[1:]))


def explain_layout(config: InstanceConfig, machine: Machine, others: Sequence[Room] = ()) -> Result:
    """The whole layout, why it is so, and both budgets line by line."""
    layout = derive(config, machine, others)
    memory = budget.memory(layout, planned_machine(config, machine), usable(config, others))
    connections = budget.connections(layout)
    lines = [
        *_layout_table(layout),
        "",
        *_budget_lines("memory", memory),
        "",
        *_budget_lines("database connections", connections),
        "",
        "why:",
    ]
    for reason in layout.reasons:
        lines += _wrapped(f"{reason.key} = {reason.value}: {reason.sentence}")
    data = {
        "layout": layout.name,
        "reasons": [
            {"key": reason.key, "value": reason.value, "sentence": reason.sentence}
            for reason in layout.reasons
        ],
        "memory": _budget_data(memory),
        "connections": _budget_data(connections),
        "services": _services(layout),
        "postgresql": dict(layout.db.settings),
    }
    return Result(Status.OK, data, tuple(lines))


def schema() -> Result:
    """JSON Schema of the instance file."""
    document = config_text.json_schema()
    return Result(
        Status.OK,
        {"schema": document},
        tuple(json.dumps(document, indent=2, ensure_ascii=False).splitlines()),
    )


def _effective(config: InstanceConfig, layout: Layout, key: Key) -> tuple[Value, str]:
    value = config_keys.value_of(config, key.path)
    if config_keys.is_set(config, key.path) and not _left_to_us(value):
        return value, "file"
    derived = _derived(config).get(key.path)
    reason = layout.reason(key.path)
    if reason and _left_to_us(value):
        number = reason.value
        return (int(number) if number.isdigit() else number), "derived"
    if derived and not value:
        return derived, "derived"
    return value, "file" if config_keys.is_set(config, key.path) else "default"


def _left_to_us(value: Value) -> bool:
    return value in (0, "auto") and value is not False


def _derived(config: InstanceConfig) -> Mapping[str, str]:
    """Texts that follow from other keys when they are left empty."""
    return {
        "instance.name": config.stack,
        "instance.web_domain": config.site,
        "mail.from_address": f"notifications@{config.instance.domain}",
        "tls.acme_email": config.owner.email,
        "images.web": config.web_image,
        "images.streaming": config.streaming_image,
        "swarm.advertise_address": "127.0.0.1",
    }


def _secrets(config: InstanceConfig, secrets: SecretSet) -> tuple[Finding, ...]:
    problems = secrets.problems(config)
    return problems or (Finding("secrets", Severity.OK, "all secrets are there and well-formed"),)


def _sizes(config: InstanceConfig, machine: Machine, others: Sequence[Room]) -> Finding:
    try:
        layout = derive(config, machine, others)
    except Refused as refusal:
        return Finding("config-layout", Severity.FAIL, refusal.message, "sizes that fit", refusal.hint)
    memory = budget.memory(layout, planned_machine(config, machine), usable(config, others))
    reason = layout.reason("instance.layout")
    if not memory.fits:
        return Finding(
            "config-layout",
            Severity.WARN,
            memory.arithmetic,
            "more memory",
            "a larger machine, or plenty of swap",
        )
    wanted = config.instance.layout
    severity = Severity.OK if wanted in ("auto", layout.name) else Severity.WARN
    needed, hint = (
        ("", "") if severity is Severity.OK else ("a larger machine", 'set `instance.layout = "auto"`')
    )
    return Finding("config-layout", severity, reason.sentence if reason else layout.name, needed, hint)


def _finding_lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.severity.value:7} {finding.check}: {finding.seen}"
    if finding.hint:
        yield f"{'':7} needed: {finding.needed}; {finding.hint}"


def _explained(key: Key, config: InstanceConfig | None, layout: Layout | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "key": key.path,
        "description": key.description,
        "allowed": key.kind,
        "default": _plain(key.default) if key.default is not None else None,
    }
    if config and layout:
        value, origin = _effective(config, layout, key)
        reason = layout.reason(key.path)
        facts |= {"value": _plain(value), "origin": origin, "reason": reason.sentence if reason else ""}
    return facts


def _explained_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield facts["key"]
    yield from _wrapped(facts["description"])
    default = "none, it must be set" if facts["default"] is None else config_text.toml_value(facts["default"])
    yield f"  allowed: {facts['allowed']}"
    yield f"  default: {default}"
    if "value" in facts:
        yield f"  value:   {config_text.toml_value(facts['value'])} ({facts['origin']})"
    if facts.get("reason"):
        yield from _wrapped(f"because: {facts['reason']}")


def _layout_table(layout: Layout) -> Iterator[str]:
    yield f"layout `{layout.name}`"
    yield f"  {'service':17} {'replicas':>8}  {'limit each':>10}  runs"
    for row in _services(layout):
        limit = show_mib(row["memory_bytes"])
        yield f"  {row['service']:17} {row['replicas']:>8}  {limit:>10}  {row['runs']}"


def _services(layout: Layout) -> list[dict[str, Any]]:
    web, streaming, edge = layout.web, layout.streaming, layout.edge
    rows = [
        ("web", web.replicas, web.memory_bytes, f"{web.processes} processes × {web.threads} threads"),
        ("streaming", streaming.replicas, streaming.memory_bytes, f"pool of {streaming.db_pool} connections"),
        *(
            (
                plan.service,
                plan.replicas,
                plan.memory_bytes,
                f"{plan.threads} threads: {', '.join(plan.queues)}",
            )
            for plan in layout.sidekiq
        ),
        ("db", 1, layout.db.memory_bytes, f"at most {layout.db.max_connections} connections"),
        ("redis", 1, layout.redis.memory_bytes, f"data up to {show_mib(layout.redis.maxmemory_bytes)}"),
        ("cache", edge.cache_replicas, edge.cache_memory_bytes, "nginx"),
        ("proxy", 1, edge.proxy_memory_bytes, "Caddy"),
    ]
    if layout.pgbouncer:
        pool = f"pool of {layout.pgbouncer.pool_size} for {layout.pgbouncer.max_client_connections} clients"
        rows.append(("pgbouncer", 1, layout.pgbouncer.memory_bytes, pool))
    if layout.db.receiver_memory_bytes:
        rows.append(("wal", 1, layout.db.receiver_memory_bytes, "takes what PostgreSQL writes"))
    if edge.mail_memory_bytes:
        rows.append(("mail", 1, edge.mail_memory_bytes, "catches all mail"))
    names = ("service", "replicas", "memory_bytes", "runs")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _budget_lines(title: str, found: budget.Budget) -> Iterator[str]:
    yield f"{title}: {found.show(found.total)} of {found.show(found.limit)}"
    for line in found.lines:
        if line.amount:
            yield f"  {line.label:20} {found.show(line.amount):>10}  {line.arithmetic}"


def _budget_data(found: budget.Budget) -> dict[str, Any]:
    lines = [
        {"label": line.label, "amount": line.amount, "arithmetic": line.arithmetic} for line in found.lines
    ]
    return {"total": found.total, "limit": found.limit, "fits": found.fits, "lines": lines}


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        width=100,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(value: Value | None) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
