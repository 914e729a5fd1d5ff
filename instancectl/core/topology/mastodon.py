"""`web`, `streaming`, the Sidekiq services, and `mail` where mail is caught."""

from __future__ import annotations

from instancectl.core.layout import SidekiqPlan
from instancectl.core.mastodon_env import tunables
from instancectl.core.service import Attachment, HealthCheck, ServiceSpec, UpdatePolicy
from instancectl.core.topology.parts import (
    BACKEND,
    EDGE,
    Builder,
    beside,
    collected_below,
    media_mount,
    most_per_host,
    placed,
)

READY_FILE = "/opt/mastodon/tmp/sidekiq_process_has_started_and_will_begin_processing_jobs"
"""Exists between Sidekiq's start-up and shutdown hooks (its name is baked into the official image)."""

WEB_GRACE_SECONDS = 40
"""Puma lets requests finish for 30 s (config/puma.rb)."""

SIDEKIQ_GRACE_SECONDS = 60
"""Sidekiq waits 25 s and then pushes unfinished jobs back; a kill before that loses them."""


def web(build: Builder) -> ServiceSpec:
    """Puma; a changed replica starts before the old one stops."""
    plan = build.layout.web
    return ServiceSpec(
        name="web",
        image=build.image(build.config.web_image),
        command=("bundle", "exec", "puma", "-C", "config/puma.rb"),
        environment=tuple(tunables("web", build.layout).items()),
        stop_grace_seconds=WEB_GRACE_SECONDS,
        health=HealthCheck(
            (
                "CMD",
                "curl",
                "-fsS",
                "-o",
                "/dev/null",
                "--noproxy",
                "localhost",
                "http://localhost:3000/health",
            ),
            interval_seconds=3,
            retries=5,
        ),
        mounts=media_mount(build.config),
        secrets=(build.dotenv(),),
        networks=(Attachment(BACKEND), Attachment(EDGE)),
        replicas=plan.replicas,
        constraints=placed(build, "web"),
        max_replicas_per_node=most_per_host(build, "web", updating=1),
        memory_bytes=plan.memory_bytes,
        update=UpdatePolicy(order="start-first"),
    )


def streaming(build: Builder) -> ServiceSpec:
    """Streaming: one Node process per replica."""
    plan = build.layout.streaming
    health = "http://localhost:4000/api/v1/streaming/health"
    return ServiceSpec(
        name="streaming",
        image=build.image(build.config.streaming_image),
        command=("node", "./streaming/index.js"),
        environment=tuple(tunables("streaming", build.layout).items()),
        health=HealthCheck(
            ("CMD", "curl", "-fsS", "-o", "/dev/null", "--noproxy", "localhost", health),
            interval_seconds=3,
            start_period_seconds=30,
        ),
        secrets=(build.dotenv(),),
        networks=(Attachment(BACKEND), Attachment(EDGE)),
        replicas=plan.replicas,
        constraints=placed(build, "streaming") if build.layout.shares else (),
        max_replicas_per_node=most_per_host(build, "streaming", updating=1),
        memory_bytes=plan.memory_bytes,
        # It exits 0 when PostgreSQL drops a pooled connection: only `any` brings it back.
        restart_condition="any",
        update=UpdatePolicy(order="start-first"),
    )


def sidekiq(build: Builder, plan: SidekiqPlan) -> ServiceSpec:
    """One Sidekiq service; `sidekiq` itself carries every queue and is exactly one process."""
    base = plan.service == "sidekiq"
    return ServiceSpec(
        name=plan.service,
        image=build.image(build.config.web_image),
        command=("bundle", "exec", "sidekiq", *plan.arguments),
        environment=tuple(tunables(plan.service, build.layout).items()),
        stop_grace_seconds=SIDEKIQ_GRACE_SECONDS,
        health=HealthCheck(("CMD", "test", "-f", READY_FILE), interval_seconds=3),
        mounts=media_mount(build.config),
        secrets=(build.dotenv(),),
        networks=(Attachment(BACKEND), Attachment(EDGE)),
        replicas=1 if base else plan.replicas,
        constraints=placed(build, plan.service),
        max_replicas_per_node=most_per_host(build, plan.service),
        memory_bytes=plan.memory_bytes,
        # Old workers stop before new ones start: they would fail on job classes they do not have.
        update=UpdatePolicy(order="stop-first"),
    )


def mail(build: Builder) -> ServiceSpec:
    """The mail catcher, for instances whose mail must not leave the host."""
    memory = build.layout.edge.mail_memory_bytes
    return ServiceSpec(
        name="mail",
        image=build.image(build.config.images.mail),
        environment=collected_below(memory),
        networks=(Attachment(EDGE),),
        constraints=beside(build),
        memory_bytes=memory,
    )
