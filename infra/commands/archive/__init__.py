"""The archive at hand: SQL over its objects where they lie, and rows brought back into PostgreSQL."""
