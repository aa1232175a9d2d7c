"""Logs, traces and figures of requests."""
