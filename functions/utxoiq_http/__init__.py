"""The HTTP layer that all functions share: routing, validation, access, errors, logs and documentation. No SQL."""
