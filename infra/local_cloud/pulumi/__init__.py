"""Pulumi: reads a project, runs its program, and serves the engine and the resource monitor that it speaks to."""
