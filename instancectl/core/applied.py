"""What earlier runs did that the Engine cannot show: kept in `state/applied.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Applied:
    """The record of one instance; an empty one means that nothing was deployed yet.

    Attributes:
        local_domain: LOCAL_DOMAIN of the first boot; permanent.
        web_domain: WEB_DOMAIN of the first boot; permanent.
        schema_before: image whose pre-deployment migrations ran.
        schema_after: image whose post-deployment migrations ran.
        settings_done: first-run settings were made.
        owner_done: the owner account exists.
        verified: fingerprint of what was last seen to work from outside.
        images: reference → reference with digest.
        created_swarm: this instance's deploy made the Swarm.
        shipped: node's identifier → deployed references of images that are there.
        cut_off: identifiers of nodes that cannot pull from a registry: images are deployed without digest.
        watched_from: address of the host that Prometheus and Alertmanager are on; empty beside the data.
        maintenance: message of the maintenance page while it is on, else None.
        scale: service → processes that a person or the autoscaler chose instead of the layout's number.
        holds: service → (processes, end in seconds since 1970) that a person holds until then.
        surge_until: end of a surge that a person declared, seconds since 1970; 0: there is none.
        surge_mode: registration mode to go back to after it; empty when it was not changed.
        given_up: what the edge turns away for now: `reading` by anonymous visitors, half of the `inbox`.
    """

    local_domain: str = ""
    web_domain: str = ""
    schema_before: str = ""
    schema_after: str = ""
    settings_done: bool = False
    owner_done: bool = False
    verified: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    created_swarm: bool = False
    shipped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cut_off: tuple[str, ...] = ()
    watched_from: str = ""
    maintenance: str | None = None
    scale: Mapping[str, int] = field(default_factory=dict)
    holds: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    surge_until: float = 0.0
    surge_mode: str = ""
    given_up: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values for the state file."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Applied:
        """From the state file; keys of newer versions are ignored.

        Raises:
            TypeError: it is no table.
        """
        if not isinstance(found, Mapping):
            raise TypeError("not a table")
        known = {item.name for item in fields(cls)}
        values = {key: value for key, value in found.items() if key in known}
        values["shipped"] = {node: tuple(there) for node, there in values.get("shipped", {}).items()}
        values["cut_off"] = tuple(values.get("cut_off", ()))
        values["given_up"] = tuple(values.get("given_up", ()))
        values["holds"] = {name: (int(n), float(end)) for name, (n, end) in values.get("holds", {}).items()}
        return cls(**values)
