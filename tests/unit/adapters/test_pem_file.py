"""Certificates and keys from files."""

from __future__ import annotations

import pytest

from instancectl.adapters import pem_file
from instancectl.errors import ConfigError

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_a_file_is_found_beside_the_instance_file(tmp_path):
    (tmp_path / "chain.pem").write_text(PEM)
    assert pem_file.read(tmp_path, "chain.pem", "tls.certificate") == PEM
    assert pem_file.read(tmp_path / "elsewhere", str(tmp_path / "chain.pem"), "tls.certificate") == PEM


def test_no_name_is_no_file(tmp_path):
    assert pem_file.read(tmp_path, "", "tls.certificate") == ""


@pytest.mark.parametrize("content", [None, b"", b"hello", b"\x30\x82\x01\xff"])
def test_what_is_no_pem_file_is_named_by_file_and_key(tmp_path, content):
    if content is not None:
        (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        pem_file.read(tmp_path, "key.pem", "tls.key")
    assert str(tmp_path / "key.pem") in caught.value.message
    assert "`tls.key`" in caught.value.message
    assert caught.value.subject == "tls.key"
    assert caught.value.hint


def test_nothing_of_a_wrong_file_is_shown(tmp_path):
    (tmp_path / "key.pem").write_text("hunter2")
    with pytest.raises(ConfigError) as caught:
        pem_file.read(tmp_path, "key.pem", "tls.key")
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"
