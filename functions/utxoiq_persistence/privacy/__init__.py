"""What is held of a person: its export, and its erasure in every store."""
