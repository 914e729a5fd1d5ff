"""Hosts: look, provision, add, drain, remove."""
