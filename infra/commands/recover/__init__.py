"""Recovery: to a point in time, of a single table, from the loss of a region; docs/operations/recovery.md."""
