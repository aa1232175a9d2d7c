"""The data-access layer that all functions share: PostgreSQL, the cache of two levels, and the records between them."""
