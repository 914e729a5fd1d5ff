"""The Docker Engine and its Swarm; the only importer of the docker SDK."""

from instancectl.adapters.docker_engine.engine import DockerSwarm
from instancectl.adapters.docker_engine.images import DockerImages
from instancectl.adapters.docker_engine.interactive import InteractiveContainers
from instancectl.adapters.docker_engine.nodes import DockerNodes

__all__ = ["DockerImages", "DockerNodes", "DockerSwarm", "InteractiveContainers"]
