"""Places for backup sets."""
