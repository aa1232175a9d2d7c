"""Everything that talks to PostgreSQL: the connection pool, sessions, statements and the schema."""
