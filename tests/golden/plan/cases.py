"""Plans that are kept as their lines for people.

`python -m tests.golden.plan.cases` writes them anew.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from instancectl.core.applied import Applied
from instancectl.core.observed import Observed, ServiceState, Task
from instancectl.core.plan import plan, signature
from instancectl.core.steps import World
from tests.fakes import instance

HERE = Path(__file__).parent
BEFORE = instance.desired()


def deployed() -> World:
    """As after a complete deploy of the usual instance."""
    services = {
        spec.name: ServiceState(
            spec.name,
            spec,
            tasks=tuple(Task(f"{n}", n, "running", "running", spec.image) for n in range(spec.replicas)),
        )
        for spec in BEFORE.services
    }
    observed = Observed(
        replace(instance.engine(), node_labels={BEFORE.node_label: "true"}),
        services=services,
        networks=frozenset(network.name for network in BEFORE.networks),
        volumes=frozenset(BEFORE.volumes),
        secrets=frozenset(BEFORE.secrets),
        configs=frozenset(BEFORE.configs),
    )
    done = Applied("social.example", "", "web:1", "web:1", True, True, signature(BEFORE), dict(BEFORE.images))
    return World(observed, done)


def _upgrade() -> tuple[str, ...]:
    config = instance.config(images={"web": "web:2", "streaming": "streaming:2"})
    return _lines(config, deployed(), "web:2")


def _lines(config, world, web_image="web:1") -> tuple[str, ...]:
    made = plan(instance.desired(config), instance.first_run(config), web_image, world)
    return tuple(f"{step['step']}: {step['summary']}" for step in made.as_json())


CASES = {
    "first": lambda: _lines(instance.config(), instance.nothing()),
    "upgrade": _upgrade,
    "other-mail": lambda: _lines(
        instance.config(mail={"mode": "smtp", "server": "smtp.example", "login": "me"}), deployed()
    ),
    "more-web": lambda: _lines(instance.config(services={"web": {"replicas": 2}}), deployed()),
}


def render(case: str) -> str:
    """The lines of a case."""
    return "\n".join((*CASES[case](), ""))


def main() -> None:
    for case in CASES:
        (HERE / f"{case}.txt").write_text(render(case), encoding="utf-8")


if __name__ == "__main__":
    main()
