from __future__ import annotations

import json

from instancectl.core.host import record
from instancectl.core.host.record import HostRecord, Mesh
from tests.unit.core.host.hosts import PEER

RECORD = HostRecord(
    version="1.2.3",
    name="first",
    admin_user="admin",
    ssh_port=22,
    ssh_closed=True,
    roles=("preflight", "record"),
    mesh=Mesh("10.86.0.1", "k", 51820),
    peers=(PEER,),
    files={"/etc/x": "0" * 64},
    units=("docker.service",),
    intended_ports=("22/tcp",),
    firewall=True,
    swap_mib=2048,
)


def test_a_record_survives_its_file() -> None:
    assert record.parse(json.dumps(RECORD.as_json())) == RECORD


def test_what_is_no_record_of_ours_is_none() -> None:
    assert record.parse("") is None
    assert record.parse("[]") is None
    assert record.parse('{"schema": "instancectl-host/2"}') is None
    assert record.parse(json.dumps({"schema": record.SCHEMA, "version": "1"})) is None


def test_fields_of_a_newer_version_do_no_harm() -> None:
    assert record.from_json({**RECORD.as_json(), "colour": "green"}) == RECORD
