"""The Docker Engine and its Swarm; the only importer of the docker SDK."""

from instancectl.adapters.docker_engine.engine import DockerSwarm
from instancectl.adapters.docker_engine.interactive import InteractiveContainers

__all__ = ["DockerSwarm", "InteractiveContainers"]
