"""From configuration, layout and rendered files to everything of one stack."""

from instancectl.core.host.placement import data_label
from instancectl.core.topology.parts import Rendered
from instancectl.core.topology.stack import desired, image_references, one_shot, volumes

__all__ = ["Rendered", "data_label", "desired", "image_references", "one_shot", "volumes"]
