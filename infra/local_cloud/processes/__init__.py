"""Child processes: start them, watch them, start them again, end them; PostgreSQL, Valkey and the storage server."""
