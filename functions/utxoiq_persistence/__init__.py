"""The data-access layer that all functions share: PostgreSQL, the two-level cache, and the records between them."""
