"""The story of `check --exposure`: who holds ports, which of them answer from outside, were they meant to."""

from __future__ import annotations

from instancectl.core.check import Finding, Severity, verdict
from instancectl.core.checks import report
from instancectl.core.config import InstanceConfig
from instancectl.core.host import exposure
from instancectl.core.host.exposure import ExposureSeen, Port
from instancectl.core.host.record import HostRecord
from instancectl.core.result import Result, Status
from instancectl.core.unknown import Known, Unknown
from instancectl.errors import InstanceError
from instancectl.operations.check import own_host
from instancectl.operations.check.own_host import OwnHost
from instancectl.ports.host_facts import HostFacts

UNHEALTHY_EXIT_CODE = 4
FEW_SECONDS = 30
ALL_SECONDS = 900
"""65,535 ports of two addresses, each silent twice."""


def exposed(
    own: OwnHost,
    machine: HostFacts,
    config: InstanceConfig | None,
    *,
    far: bool = False,
    all_ports: bool = False,
) -> Result:
    """Try the ports of this host; exits 4 when one answers that should not, and when nobody could look.

    Args:
        own: this host, and where to look from.
        machine: who listens, and at which addresses.
        config: of its instance; None when there is none yet.
        far: the look comes from another host, which can mean public addresses only.
        all_ports: every port, not only those that matter.
    """
    recorded = own_host.read_record(own.shell)
    found = exposure.findings(_look(own, machine, recorded, config, far=far, all_ports=all_ports))
    worst = verdict(found)
    name = recorded.name if isinstance(recorded, HostRecord) else "this host"
    good = worst is Severity.OK
    head = f"{name} shows only what it should" if good else f"{name}: {worst.value}: {found[0].seen}"
    return Result(
        Status.OK if good else Status.FAILED,
        {
            "verdict": worst.value,
            "headline": head,
            "findings": [finding.as_json() for finding in found],
            "skipped": [],
        },
        (head, *report.groups(found)),
        exit_code=0 if good else UNHEALTHY_EXIT_CODE,
    )


def exposure_of(own: OwnHost, machine: HostFacts, config: InstanceConfig) -> tuple[Finding, ...]:
    """The finding that a deploy ends with; none on a host that was not provisioned."""
    recorded = own_host.read_record(own.shell)
    if recorded is None:
        return ()
    return (exposure.summary(_look(own, machine, recorded, config)),)


def _look(
    own: OwnHost,
    machine: HostFacts,
    recorded: Known[HostRecord | None],
    config: InstanceConfig | None,
    *,
    far: bool = False,
    all_ports: bool = False,
) -> Known[ExposureSeen]:
    if isinstance(recorded, Unknown):
        return recorded
    try:
        meant = _intended(machine, recorded, config)
        addresses = exposure.public(machine.addresses()) if far else machine.addresses()
        return own_host.ports(
            machine,
            own.shell,
            own.scan,
            meant,
            addresses=addresses,
            all_ports=all_ports,
            timeout_seconds=ALL_SECONDS if all_ports else FEW_SECONDS,
        )
    except InstanceError as error:
        return Unknown(error.message, error.hint)


def _intended(
    machine: HostFacts, recorded: HostRecord | None, config: InstanceConfig | None
) -> frozenset[Port]:
    """What provisioning opened; elsewhere sshd and the proxy's ports."""
    if recorded is not None:
        return own_host.intended(recorded)
    proxy = (config.proxy.http_port, config.proxy.https_port) if config else (80, 443)
    web = {("tcp", proxy[0]), ("tcp", proxy[1]), ("udp", proxy[1])}
    return exposure.sshd_ports(machine.listeners()) | web
