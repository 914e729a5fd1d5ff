"""instancectl: provisions, scales, backs up and monitors a Mastodon instance."""

__version__ = "0.1.0"
