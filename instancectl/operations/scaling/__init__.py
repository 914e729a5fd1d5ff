"""Scaling: rehearse, show, set and hold by hand, watch, explain."""
