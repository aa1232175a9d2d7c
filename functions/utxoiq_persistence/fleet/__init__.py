"""The figures of every instance, brought together in Redis."""
