"""Records of the agent in SQLite files: uptime, messages, readings, scaling."""
