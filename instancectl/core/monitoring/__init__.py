"""Monitoring as values: what is measured, what answers mean, and how uptime is counted."""
