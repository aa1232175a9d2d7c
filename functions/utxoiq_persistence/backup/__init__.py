"""Backups, their verification by restoring, and the watch over both."""
