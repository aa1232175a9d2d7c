"""What every write has in common: groups, idempotency, the audit trail."""
