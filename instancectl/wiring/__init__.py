"""Composition root: builds the adapters for one invocation, and hands them to an operation."""

from instancectl.wiring.deploying import deployment, destruction, layout, render, run_in_one_shot
from instancectl.wiring.hosting import host_settings, provision, provisioning
from instancectl.wiring.instance import (
    InstancePaths,
    OpenInstance,
    clock,
    config_if_any,
    journal,
    lock,
    open_instance,
    reporter,
    secrets,
    state,
    stored_secrets,
    swarm,
    write_debug_log,
)
from instancectl.wiring.launching import launch_here, launch_target, launch_there
from instancectl.wiring.looking import checking, exposure, health, object_store, senses, subject
from instancectl.wiring.monitoring import agent, exposition, ledger, monitoring
from instancectl.wiring.remote import Ask, code_bundle, here, look, manager, reach, relayed
from instancectl.wiring.scaling import config_or_defaults, picture, trace_text
from instancectl.wiring.writing import adoption, initialisation, local_machine, smtp_password

__all__ = [
    "Ask",
    "InstancePaths",
    "OpenInstance",
    "adoption",
    "agent",
    "checking",
    "clock",
    "code_bundle",
    "config_if_any",
    "config_or_defaults",
    "deployment",
    "destruction",
    "exposition",
    "exposure",
    "health",
    "here",
    "host_settings",
    "initialisation",
    "journal",
    "launch_here",
    "launch_target",
    "launch_there",
    "layout",
    "ledger",
    "local_machine",
    "lock",
    "look",
    "manager",
    "monitoring",
    "object_store",
    "open_instance",
    "picture",
    "provision",
    "provisioning",
    "reach",
    "relayed",
    "render",
    "reporter",
    "run_in_one_shot",
    "secrets",
    "senses",
    "smtp_password",
    "state",
    "stored_secrets",
    "subject",
    "swarm",
    "trace_text",
    "write_debug_log",
]
