"""What Engines of different ages say of images reads alike."""

from __future__ import annotations

import pytest

from instancectl.adapters.docker_engine.engine import failure_in
from instancectl.adapters.docker_engine.images import identity

LAYERS = ["sha256:" + "a" * 64, "sha256:" + "b" * 64]
OWN_STORE = {
    "Id": "sha256:" + "1" * 64,
    "RootFS": {"Type": "layers", "Layers": LAYERS},
    "Config": {"Cmd": ["serve"], "Entrypoint": None, "Env": ["A=1"], "User": "", "WorkingDir": "/srv"},
}
CONTAINERD = {
    "Id": "sha256:" + "2" * 64,
    "RootFS": {"Type": "layers", "Layers": LAYERS},
    "Config": {"Cmd": ["serve"], "Env": ["A=1"], "WorkingDir": "/srv"},
}


def test_an_image_is_the_same_in_either_store():
    assert identity(OWN_STORE) == identity(CONTAINERD)


@pytest.mark.parametrize(
    "other",
    [
        {"RootFS": {"Type": "layers", "Layers": LAYERS[:1]}},
        {"Config": {"Cmd": ["serve", "--other"], "Env": ["A=1"], "WorkingDir": "/srv"}},
    ],
)
def test_other_layers_or_another_command_make_another_image(other):
    assert identity({**CONTAINERD, **other}) != identity(CONTAINERD)


def test_an_index_without_content_is_known_by_its_digest():
    assert identity({"Id": "sha256:3", "RootFS": {"Type": ""}}) == "sha256:3"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"error": "toomanyrequests", "errorDetail": {"message": "toomanyrequests"}}, "toomanyrequests"),
        ({"errorDetail": {"code": 1, "message": "no space left on device"}}, "no space left on device"),
        ({"error": "manifest unknown"}, "manifest unknown"),
        ({"status": "Pulling from library/caddy", "progressDetail": {}}, ""),
    ],
)
def test_a_failure_is_noticed_however_it_is_told(event, said):
    assert failure_in(event) == said
