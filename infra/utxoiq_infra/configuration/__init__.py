"""What a stack may choose: read, checked, and given its type."""
