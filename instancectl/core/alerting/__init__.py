"""From what Alertmanager says to messages that people get."""
