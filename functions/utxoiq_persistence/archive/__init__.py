"""Retention and the archive: rows that leave PostgreSQL, and rows that come back."""
