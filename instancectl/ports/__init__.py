"""What the core and the operations need from outside, one protocol per file."""
