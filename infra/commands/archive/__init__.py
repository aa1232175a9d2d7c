"""Commands for the archive: SQL over its objects, and the restore of rows into PostgreSQL."""
