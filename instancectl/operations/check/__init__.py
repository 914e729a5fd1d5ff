"""Check: look, judge, tell; the same judgements gate and verify a deploy."""

from instancectl.operations.check.check import check, health, preflight
from instancectl.operations.check.looking import Senses, Subject, gather

__all__ = ["Senses", "Subject", "check", "gather", "health", "preflight"]
