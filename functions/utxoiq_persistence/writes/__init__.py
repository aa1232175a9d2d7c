"""What all writes share: group commit, idempotency and the audit trail."""
