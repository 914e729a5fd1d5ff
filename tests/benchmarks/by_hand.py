"""The baseline of the first deploy: the same stack file and the same one-shot jobs, typed by hand.

An instance is deployed once to have its rendered files, and taken apart again except for its secrets.
What is timed is what an admin without instancectl would type: `docker stack deploy`, wait for PostgreSQL,
prepare the schema, wait until everything serves, make the settings and create the owner.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from stack import OWNER, STACK, Instance, docker, run, seconds_of, wait_until

from instancectl.core.plan import CreateOwner, FirstRunSettings
from instancectl.operations.deploy.first_run import SCHEMA_COMMANDS, owner_command, settings_script

ENVIRONMENT = {"DB_HOST": "db", "DB_PORT": "5432"}


def measure(made: Instance) -> float:
    """Seconds by hand; the instance is gone afterwards, its settings and secrets.env stay."""
    made.deploy()
    dotenv = docker("exec", made.container("web"), "cat", "/opt/mastodon/.env.production")
    image = docker("inspect", "--format", "{{.Config.Image}}", made.container("web")).strip()
    take_apart()
    took = seconds_of(lambda: deploy_by_hand(made, image, dotenv))
    made.destroy()
    return took


def take_apart() -> None:
    """Remove services, networks, configs and volumes of the stack; its secrets stay."""
    for kind in ("service", "config", "network", "volume"):
        names = docker(kind, "ls", "--filter", f"name={STACK}_", "--format", "{{.Name}}").split()
        ours = [name for name in names if name.startswith(f"{STACK}_")]
        for name in ours:
            wait_until(lambda kind=kind, name=name: removed(kind, name), f"{kind} {name} is removed")


def removed(kind: str, name: str) -> bool:
    """Remove it; whether it is gone."""
    docker(kind, "rm", name, check=False)
    return name not in docker(kind, "ls", "--filter", f"name={name}", "--format", "{{.Name}}").split()


def deploy_by_hand(made: Instance, image: str, dotenv: str) -> None:
    """Type it."""
    run(
        "docker",
        "stack",
        "deploy",
        "--resolve-image",
        "never",
        "-c",
        str(made.directory / "state/stack.yml"),
        STACK,
    )
    wait_until(lambda: serves("db"), "db serves")
    command, extra = SCHEMA_COMMANDS["fresh"]
    job(image, dotenv, command, dict(extra))
    wait_until(made.converged, "all services serve")
    settings = FirstRunSettings("approved", True, 14, 0)
    job(image, dotenv, ("sh", "-c", settings_script(settings)))
    job(image, dotenv, owner_command(CreateOwner("admin", OWNER)))


def serves(service: str) -> bool:
    """Whether a replica is healthy."""
    return bool(docker("ps", "-q", "--filter", f"name={STACK}_{service}", "--filter", "health=healthy"))


def job(image: str, dotenv: str, command: tuple[str, ...], extra: dict[str, str] | None = None) -> str:
    """What it said: one container of the web image with the instance's secrets, on both networks."""
    words = [
        word for key, value in {**ENVIRONMENT, **(extra or {})}.items() for word in ("-e", f"{key}={value}")
    ]
    made = docker("create", "--network", f"{STACK}_edge", *words, image, *command).strip()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / ".env.production"
        file.write_text(dotenv)
        file.chmod(0o644)
        docker("cp", str(file), f"{made}:/opt/mastodon/.env.production")
    docker("network", "connect", f"{STACK}_backend", made)
    try:
        return run("docker", "start", "--attach", made)
    finally:
        docker("rm", "--force", made)
