"""Alerting: take what fires, tell people, prove that it arrives, silence it."""

from instancectl.operations.alerting.courier import Courier, Post
from instancectl.operations.alerting.desk import Desk
from instancectl.operations.alerting.silencing import Silencing
from instancectl.operations.alerting.trial import Trial

__all__ = ["Courier", "Desk", "Post", "Silencing", "Trial"]
