"""Every key of `instance.toml` as a value, read off the model: path, kind, default, description."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo  # noqa: TC002 - pydantic is loaded anyway

from instancectl.core.config import InstanceConfig

Value = str | int | float | bool | tuple[str, ...] | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        path: dotted, e.g. `services.sidekiq-push.threads`.
        kind: what may be written, for people.
        default: what applies when it is left out; None for a required key.
        description: from the model.
    """

    path: str
    kind: str
    default: Value | None
    description: str

    @property
    def section(self) -> str:
        """The path without its last word."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The last word of the path."""
        return self.path.rpartition(".")[2]

    @property
    def required(self) -> bool:
        """Whether the file must hold it."""
        return self.default is None


@dataclass(frozen=True, slots=True)
class Table:
    """A section with its keys, in the order of the model."""

    path: str
    description: str
    keys: tuple[Key, ...]


@functools.cache
def tables() -> tuple[Table, ...]:
    """Every section that holds keys, in the order of the model."""
    return tuple(_tables(InstanceConfig, ""))


@functools.cache
def keys() -> Mapping[str, Key]:
    """Dotted path → key, in the order of the model."""
    return {key.path: key for table in tables() for key in table.keys}


def value_of(config: InstanceConfig, path: str) -> Value:
    """The value of the dotted `path`."""
    section, attribute = _locate(config, path)
    found: Value = getattr(section, attribute)
    return found


def is_set(config: InstanceConfig, path: str) -> bool:
    """Whether the file (or whoever made the value) says it, as opposed to a default."""
    value = value_of(config, path)
    if value != keys()[path].default or isinstance(value, Mapping):
        return bool(value) or not isinstance(value, Mapping)
    section: BaseModel = config
    for word in path.split("."):
        attribute = _attribute(section, word)
        if attribute not in section.model_fields_set:
            return False
        section = getattr(section, attribute)
    return True


def _locate(config: InstanceConfig, path: str) -> tuple[BaseModel, str]:
    *sections, last = path.split(".")
    section: BaseModel = config
    for word in sections:
        section = getattr(section, _attribute(section, word))
    return section, _attribute(section, last)


def _attribute(section: BaseModel, word: str) -> str:
    fields = type(section).model_fields
    return next(name for name, field in fields.items() if (field.alias or name) == word)


def _tables(model: type[BaseModel], prefix: str) -> Iterator[Table]:
    own: list[Key] = []
    below: list[Table] = []
    for name, field in model.model_fields.items():
        path = f"{prefix}.{field.alias or name}".lstrip(".")
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            below += _tables(kind, path)
        else:
            own.append(_key(path, field))
    if own:
        yield Table(prefix, " ".join((model.__doc__ or "").split()), tuple(own))
    yield from below


def _key(path: str, field: FieldInfo) -> Key:
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    return Key(path, _kind(field), default, field.description or "")


_KINDS: Mapping[object, str] = {bool: "true or false", tuple: "a list of text", dict: "a table of text"}


def _kind(field: FieldInfo) -> str:
    annotation = field.annotation
    origin = get_origin(annotation) or annotation
    if origin is Literal:
        *others, last = (f'"{choice}"' for choice in get_args(annotation))
        return f"{', '.join(others)} or {last}"
    if origin is int:
        return "a whole number" + _bounds(field)
    if origin is float:
        return "a number" + _bounds(field)
    return _KINDS.get(origin, "text")


def _bounds(field: FieldInfo) -> str:
    limits: dict[str, Any] = {}
    for rule in field.metadata:
        limits |= {name: getattr(rule, name) for name in ("ge", "le") if hasattr(rule, name)}
    if "ge" in limits and "le" in limits:
        return f", {limits['ge']} to {limits['le']}"
    return f", {limits['ge']} or more" if "ge" in limits else ""
