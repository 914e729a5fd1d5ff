"""Images on a host: in memory, and on a real Engine with an image of a few bytes."""

from __future__ import annotations

import subprocess
import tarfile
import uuid
from io import BytesIO

import pytest

from instancectl.adapters.docker_engine import DockerImages, DockerSwarm
from instancectl.errors import OperationFailed
from tests.fakes.images import FakeImages


def _tar(content: bytes) -> bytes:
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = len(content)
        tar.addfile(entry, BytesIO(content))
    return packed.getvalue()


class FakeHost:
    """An image appears and disappears."""

    def __init__(self) -> None:
        self.store = FakeImages({})

    def have(self, reference: str, content: bytes) -> None:
        self.store.images[reference] = content

    def lose(self, reference: str) -> None:
        self.store.images.pop(reference, None)


class RealHost:
    """The Engine of this machine."""

    def __init__(self) -> None:
        self.store = DockerImages(DockerSwarm())

    def have(self, reference: str, content: bytes) -> None:
        command = ["docker", "import", "-", reference]
        subprocess.run(command, input=_tar(content), check=True, capture_output=True)

    def lose(self, reference: str) -> None:
        subprocess.run(["docker", "image", "rm", "--force", reference], check=False, capture_output=True)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.contract)])
def host(request):
    return FakeHost() if request.param == "fake" else RealHost()


@pytest.fixture
def reference(host):
    name = f"contract-images:{uuid.uuid4().hex[:8]}"
    yield name
    host.lose(name)


def test_an_image_that_is_not_there_has_no_identifier(host, reference):
    assert host.store.image_id(reference) == ""


def test_an_image_that_travelled_is_the_same(host, reference):
    host.have(reference, b"content")
    before, size = host.store.image_id(reference), host.store.image_bytes(reference)
    assert before.startswith("sha256:")
    assert size > 0
    archive = b"".join(host.store.export(reference))
    host.lose(reference)
    assert host.store.image_id(reference) == ""
    host.store.load(iter([archive[:100], archive[100:]]))
    assert host.store.image_id(reference) == before


def test_another_content_under_the_same_name_is_another_image(host, reference):
    host.have(reference, b"one")
    first = host.store.image_id(reference)
    host.have(reference, b"two")
    assert host.store.image_id(reference) != first
    host.lose(first)  # nameless now


def test_what_no_registry_has_cannot_be_pulled(host):
    assert host.store.pull("nobody.invalid/none:1") is False


def test_a_stream_that_breaks_off_is_an_error(host):
    with pytest.raises(OperationFailed, match="load the image"):
        host.store.load(iter([b""]))
