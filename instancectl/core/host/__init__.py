"""Hosts: what a machine is, should be, and is reached by; decisions only."""
