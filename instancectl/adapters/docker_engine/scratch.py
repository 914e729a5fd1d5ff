"""The `Scratch` port on a real Docker Engine: plain containers beside the Swarm."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from typing import Any

from docker.errors import APIError, NotFound
from docker.types import Mount as ApiMount

from instancectl.adapters.docker_engine.engine import DockerSwarm, translation
from instancectl.core.secrets import Secret
from instancectl.ports.scratch import Scratched

LABEL = "instancectl.drill"
SERVICE_LABEL = "com.docker.swarm.service.name"
"""By this, commands find a replica of a service; here they find the container of a drill."""

LAST_LINES = 12


class DockerScratch:
    """See `ports.scratch.Scratch`."""

    def __init__(self, swarm: DockerSwarm, stack: str, purpose: str = "drill") -> None:
        """`stack` is the instance's; what is made is called after it and its purpose."""
        self._swarm, self._stack = swarm, f"{stack}-{purpose}"

    @property
    def stack(self) -> str:
        """The instance's, with an ending."""
        return self._stack

    @property
    def _mine(self) -> dict[str, Any]:
        return {"label": f"{LABEL}={self._stack}"}

    def sweep(self) -> int:
        """Containers first: they use the rest."""
        api = self._swarm.api
        with translation("remove what a drill left"):
            found = api.containers(all=True, filters=self._mine)
            for one in found:
                _unless_gone(lambda one=one: api.remove_container(one["Id"], force=True, v=True))
            for network in api.networks(filters=self._mine):
                _unless_gone(lambda network=network: api.remove_network(network["Id"]))
            for volume in api.volumes(filters=self._mine).get("Volumes") or ():
                _unless_gone(lambda volume=volume: api.remove_volume(volume["Name"], force=True))
        return len(found)

    def begin(self, volumes: Sequence[str]) -> None:
        """An internal bridge: Docker gives it no way out."""
        api, labels = self._swarm.api, {LABEL: self._stack}
        with translation("prepare a drill"):
            if not api.networks(filters=self._mine):
                api.create_network(self._network, driver="bridge", internal=True, labels=labels)
            for name in volumes:
                api.create_volume(f"{self._stack}_{name}", driver="local", labels=labels)

    @property
    def _network(self) -> str:
        return f"{self._stack}_closed"

    def start(self, one: Scratched) -> None:
        """Its files are written before it runs."""
        api = self._swarm.api
        with translation(f"start `{one.name}` of a drill"):
            made = api.create_container(
                one.image,
                command=list(one.command) or None,
                name=f"{self._stack}_{one.name}",
                environment=dict(one.environment),
                labels={LABEL: self._stack, SERVICE_LABEL: f"{self._stack}_{one.name}"},
                host_config=api.create_host_config(
                    mounts=[
                        ApiMount(target, f"{self._stack}_{volume}", type="volume")
                        for volume, target in one.mounts
                    ],
                    cpu_shares=one.weight or None,
                    mem_limit=one.memory_bytes or None,
                ),
                networking_config={"EndpointsConfig": {self._network: {"Aliases": [one.name]}}},
            )
            for path, content, owner in one.files:
                api.put_archive(made["Id"], "/", _archive(path, content, owner))
            api.start(made["Id"])

    def end(self, name: str, seconds: int) -> int:
        """By the signal that its image names."""
        api, full = self._swarm.api, f"{self._stack}_{name}"
        with translation("end a container"):
            _unless_gone(lambda: api.stop(full, timeout=seconds))
            code = self.exit_code(name)
            _unless_gone(lambda: api.remove_container(full, force=True, v=True))
        return 137 if code is None else code

    def exit_code(self, name: str) -> int | None:
        """As the Engine recorded it; of one that is gone, that of a killed one."""
        with translation("look at a container"):
            try:
                state = self._swarm.api.inspect_container(f"{self._stack}_{name}")["State"]
            except NotFound:
                return 137
            return None if state["Running"] else int(state["ExitCode"])

    def last_words(self, name: str) -> str:
        """From its log."""
        with translation("read a log"):
            try:
                raw = self._swarm.api.logs(f"{self._stack}_{name}", tail=LAST_LINES)
            except NotFound:
                return ""
            return raw.decode(errors="replace").strip()


def _unless_gone(remove: Any) -> None:
    try:
        remove()
    except NotFound:
        return
    except APIError as error:
        if "in progress" not in str(error.explanation):
            raise


def _archive(path: str, content: Secret, owner: int) -> bytes:
    raw = content.reveal().encode()
    entry = tarfile.TarInfo(path.lstrip("/"))
    # Some entry points change their user before they read: the container is the border here.
    entry.size, entry.mode, entry.uid, entry.gid = len(raw), 0o444, owner, owner
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(raw))
    return buffer.getvalue()
