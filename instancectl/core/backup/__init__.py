"""Backup sets: what one is, what is kept of it, when it may go. Pure values and decisions."""
