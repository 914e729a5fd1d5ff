"""Check: look, judge, tell; the same judgements gate and verify a deploy."""

from instancectl.operations.check.check import check, health, preflight
from instancectl.operations.check.exposed import exposed, exposure_of
from instancectl.operations.check.looking import Senses, Subject, gather
from instancectl.operations.check.own_host import OwnHost

__all__ = ["OwnHost", "Senses", "Subject", "check", "exposed", "exposure_of", "gather", "health", "preflight"]
