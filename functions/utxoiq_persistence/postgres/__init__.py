"""The pool, sessions, statements and the schema: everything that speaks to PostgreSQL."""
