"""Writes the instance file and makes the secrets; never replaces either."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from instancectl.core.adoption import Adoption
from instancectl.core.config import InstanceConfig
from instancectl.core.config_errors import nested, understood
from instancectl.core.config_keys import Value, is_set, keys, value_of
from instancectl.core.config_text import annotated
from instancectl.core.layout import Layout, Machine, derive, planned_machine
from instancectl.core.result import Result, Status
from instancectl.core.secret_set import CATALOGUE, SecretSet
from instancectl.core.units import show_bytes
from instancectl.errors import ConfigError, Refused
from instancectl.ports.config_store import ConfigStore
from instancectl.ports.secret_generator import SecretGenerator
from instancectl.ports.secret_store import SecretStore

_NOTHING = SecretSet()
_NONE = _NOTHING.get("")


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted.

    Attributes:
        wanted: dotted key of `instance.toml` → value.
        given: secrets that were typed in.
        adopted: what an existing server's file said.
    """

    wanted: Mapping[str, Value] = field(default_factory=dict)
    given: SecretSet = _NOTHING
    adopted: Adoption | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where to look and to write.

    Attributes:
        deployed: the instance ran before; its secrets cannot be made up any more.
        option: what further commands need to find this instance, e.g. `--config DIR`; empty for none.
    """

    config_store: ConfigStore
    secret_store: SecretStore
    generator: SecretGenerator
    machine: Machine
    deployed: bool
    option: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What would be written.

    Attributes:
        text: the new instance file; empty when there is one already.
        secrets: to be added as they are.
        generate: names of secrets to be made.
        kept: names of secrets that are there.
        lacking: names of secrets that somebody must still give.
    """

    config: InstanceConfig
    layout: Layout
    machine: Machine
    text: str
    secrets: SecretSet
    generate: tuple[str, ...]
    kept: tuple[str, ...]
    lacking: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether anything would be written."""
        return bool(self.text or self.secrets.values or self.generate)


def prepare(request: Request, around: Surroundings) -> Prepared:
    """Work everything out; nothing is written.

    Raises:
        ConfigError: a wanted value or a secret is wrong.
        Refused: it contradicts what is there, or its sizes do not fit the machine.
    """
    adopted = request.adopted
    wanted = {**(adopted.wanted if adopted else {}), **request.wanted}
    existing = around.config_store.load()
    if existing:
        _refuse_other_domain(existing, wanted, around.config_store.location)
    config = existing or understood(nested(wanted), where="what was asked for")
    present = around.secret_store.load()
    offered = SecretSet({**(adopted.secrets.values if adopted else {}), **request.given.values})
    _refuse_other_secrets(present, offered, around.secret_store.location)
    complete = present.filled(offered.values)
    missing = complete.missing(config)
    generate = tuple(kind.name for kind in missing if kind.generated)
    _refuse_wrong(complete, config, generate, deployed=around.deployed)
    layout = derive(config, around.machine)
    return Prepared(
        config=config,
        layout=layout,
        machine=planned_machine(config, around.machine),
        text="" if existing else annotated(config),
        secrets=SecretSet({name: value for name, value in offered.values.items() if not present.get(name)}),
        generate=generate,
        kept=tuple(kind.name for kind in CATALOGUE if present.get(kind.name)),
        lacking=tuple(kind.name for kind in missing if not kind.generated),
        notes=tuple(_notes(existing, wanted, adopted)),
    )


def describe(prepared: Prepared, around: Surroundings) -> Result:
    """What would be written, as a result."""
    status = Status.PLANNED if prepared.changes else Status.UNCHANGED
    deeds = [f"would {line}" for line in _deeds(prepared, around, "write", "make", "add")]
    lines = deeds or [_unchanged(around)]
    return Result(status, _data(prepared, around), (*lines, *_layout_lines(prepared)), prepared.notes)


def write(prepared: Prepared, around: Surroundings) -> Result:
    """Write secrets, then the instance file; interrupted, the same command goes on."""
    if not prepared.changes:
        nothing = (_unchanged(around), *_lacking(prepared, around))
        return Result(Status.UNCHANGED, _data(prepared, around), nothing, prepared.notes)
    made = around.generator.generate(prepared.generate)
    # Half a VAPID pair was there: the generator makes both, the store keeps what it has.
    fresh = {name: made.get(name) for name in prepared.generate}
    around.secret_store.add(prepared.secrets.filled(fresh))
    if prepared.text:
        around.config_store.create(prepared.text)
    lines = [
        *_deeds(prepared, around, "wrote", "made", "added"),
        *_layout_lines(prepared),
        *_backup(prepared, around),
        *_lacking(prepared, around),
        "",
        "next:",
        *(f"  {command}" for command in _next(around)),
    ]
    return Result(Status.CHANGED, _data(prepared, around), tuple(lines), prepared.notes)


def _refuse_other_domain(existing: InstanceConfig, wanted: Mapping[str, Value], location: str) -> None:
    domain = wanted.get("instance.domain", existing.instance.domain)
    if domain != existing.instance.domain:
        raise Refused(
            f"cannot write `{location}` for `{domain}`: it is the file of `{existing.instance.domain}`",
            hint="give every instance a directory of its own: `instancectl init --directory DIR`",
            subject=str(domain),
        )


def _refuse_other_secrets(present: SecretSet, offered: SecretSet, location: str) -> None:
    differing = [name for name, value in offered.values.items() if present.get(name) not in (value, _NONE)]
    if differing:
        names = ", ".join(f"`{name}`" for name in differing)
        raise Refused(
            f"cannot replace {names} in `{location}`: another value is there, and it is never overwritten",
            hint="edit the file by hand if you are sure; what was encrypted with the old value stays so",
            subject=differing[0],
        )


def _refuse_wrong(
    secrets: SecretSet, config: InstanceConfig, generate: tuple[str, ...], *, deployed: bool
) -> None:
    if deployed and generate:
        names = ", ".join(f"`{name}`" for name in generate)
        raise ConfigError(
            f"{names} missing, and the instance was deployed with it: a new value would not fit its data",
            hint="restore `secrets.env` from your backup",
            subject=generate[0],
        )
    absent = {f"secret-{kind.name}" for kind in secrets.missing(config)}
    mangled = [finding for finding in secrets.problems(config) if finding.check not in absent]
    if mangled:
        raise ConfigError(
            "; ".join(finding.seen for finding in mangled),
            hint=mangled[0].hint,
            subject=mangled[0].check.removeprefix("secret-"),
        )
    half = [name for name in ("VAPID_PRIVATE_KEY", "VAPID_PUBLIC_KEY") if name in generate]
    if len(half) == 1:
        raise ConfigError(
            f"`{half[0]}` is missing, but its other half is there: a new one would not belong to it",
            hint="restore it from your backup, or remove the other half to get a new pair",
            subject=half[0],
        )


def _notes(
    existing: InstanceConfig | None, wanted: Mapping[str, Value], adopted: Adoption | None
) -> Iterator[str]:
    if existing:
        stays = [
            path for path, value in wanted.items() if path in keys() and value_of(existing, path) != value
        ]
        if stays:
            names = ", ".join(f"`{path}`" for path in stays)
            yield f"{names}: the instance file says something else and is never overwritten; edit it"
    if adopted and adopted.left_out:
        yield f"not taken over, because instancectl derives them: {', '.join(adopted.left_out)}"
    if adopted:
        yield "only settings and secrets were taken over: database and media have to be moved on their own"
    if wanted.get("mail.server") in {"localhost", "127.0.0.1"}:
        yield "`mail.server` names the container itself there; enter the host's address or a provider"


def _deeds(prepared: Prepared, around: Surroundings, wrote: str, made: str, added: str) -> Iterator[str]:
    secrets = around.secret_store.location
    if prepared.text:
        yield f"{wrote} {around.config_store.location}: {prepared.config.instance.domain}"
    if prepared.secrets.values:
        yield f"{added} to {secrets}: {', '.join(prepared.secrets.values)}"
    if prepared.generate:
        yield f"{made} in {secrets} (mode 0600): {', '.join(prepared.generate)}"


def _layout_lines(prepared: Prepared) -> Iterator[str]:
    machine = f"{show_bytes(prepared.machine.memory_bytes)} and {prepared.machine.cores} cores"
    yield f"layout `{prepared.layout.name}` for {machine}: `instancectl config explain` shows it"


def _backup(prepared: Prepared, around: Surroundings) -> Iterator[str]:
    if prepared.generate or prepared.secrets.values:
        yield ""
        yield f"back up {around.secret_store.location} now, apart from this machine:"
        yield "  the three ACTIVE_RECORD_ENCRYPTION values and SECRET_KEY_BASE cannot be made again"


def _lacking(prepared: Prepared, around: Surroundings) -> Iterator[str]:
    for name in prepared.lacking:
        yield f"still missing: add `{name}=…` to {around.secret_store.location}"


def _unchanged(around: Surroundings) -> str:
    return f"{around.config_store.location} and its secrets are there; nothing to do"


def _next(around: Surroundings) -> tuple[str, ...]:
    command = f"instancectl {around.option}".strip()
    return tuple(f"{command} {verb}" for verb in ("check", "plan", "deploy"))


def _data(prepared: Prepared, around: Surroundings) -> dict[str, Any]:
    return {
        "domain": prepared.config.instance.domain,
        "config_file": around.config_store.location,
        "secrets_file": around.secret_store.location,
        "config_written": bool(prepared.text),
        "layout": prepared.layout.name,
        "settings": {
            path: _plain(value_of(prepared.config, path)) for path in keys() if is_set(prepared.config, path)
        },
        "secrets": {
            "generated": list(prepared.generate),
            "given": list(prepared.secrets.values),
            "kept": list(prepared.kept),
            "lacking": list(prepared.lacking),
        },
        "next": list(_next(around)),
    }


def _plain(value: Value) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
