"""Traces: spans of what a request waits for, and their export to Cloud Trace."""
