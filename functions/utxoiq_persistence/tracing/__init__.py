"""Spans of what a request waits for, and their way to Cloud Trace."""
