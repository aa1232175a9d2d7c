"""The figures of every instance, collected in Redis."""
