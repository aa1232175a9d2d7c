"""Backups, their verification by a restore, and the metrics about both."""
