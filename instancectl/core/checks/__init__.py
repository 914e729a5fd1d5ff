"""Checks: questions about an instance and the pure judgements that answer them."""
