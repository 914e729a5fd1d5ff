"""What `surge drill` needs.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.instance import clock, journal, open_instance, reporter, state, swarm

if TYPE_CHECKING:
    from instancectl.operations.scaling.drill import Grounds


def surge_drill(options: Globals) -> Grounds:
    """Containers of its own with secrets of their own, from the images of the instance."""
    from instancectl.adapters.docker_engine.scratch import DockerScratch
    from instancectl.adapters.docker_engine.streams import DockerStreams
    from instancectl.adapters.file_lock import FileLock
    from instancectl.adapters.host_psutil import PsutilHost
    from instancectl.adapters.secret_generator import SystemSecretGenerator
    from instancectl.core import mastodon_env
    from instancectl.core.layout import derive
    from instancectl.core.secret_set import CATALOGUE
    from instancectl.core.secrets import Secret
    from instancectl.operations.scaling.drill import Grounds
    from instancectl.wiring.writing import local_machine

    opened, engine = open_instance(options), swarm()
    config, record = opened.config, state(opened)
    layout = derive(config, local_machine())

    def image(reference: str) -> str:
        deployed = record.load().images.get(reference, reference)
        return engine.resolve_image(deployed, pull=True) or deployed

    return Grounds(
        config=config,
        layout=layout,
        secrets=SystemSecretGenerator().generate(kind.name for kind in CATALOGUE if kind.generated),
        scratch=DockerScratch(engine, config.stack, "surge"),
        streams=DockerStreams(engine),
        host=PsutilHost(),
        lock=FileLock(opened.paths.state_directory / "surge-drill.lock"),
        journal=journal(opened, "surge drill"),
        clock=clock(),
        reporter=reporter(options),
        image=image,
        dotenv=lambda config, secrets: Secret(mastodon_env.dotenv(config, secrets, layout)),
    )
