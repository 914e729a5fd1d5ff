"""Makes, proves and expires backup sets."""
