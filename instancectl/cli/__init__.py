"""The Typer commands: parse, call one operation, render its result."""
