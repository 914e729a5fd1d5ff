"""Monitoring: probe in slices, keep the ledger, export everything."""

from instancectl.operations.monitoring.agent import Around, run
from instancectl.operations.monitoring.probing import Senses
from instancectl.operations.monitoring.reading import metrics
from instancectl.operations.monitoring.uptime import uptime

__all__ = ["Around", "Senses", "metrics", "run", "uptime"]
