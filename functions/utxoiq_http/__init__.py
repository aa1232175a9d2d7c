"""The HTTP layer that every function shares: routing, validation, access, errors, logs and documentation. No SQL."""
