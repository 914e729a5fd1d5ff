"""Rehearses a surge: a made-up instance, worked by the real policy or by another autoscaler.

Everything is counted in whole jobs and seconds, and follows from the seed alone.
"""
