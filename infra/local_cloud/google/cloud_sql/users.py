"""Database users, as Cloud SQL makes them."""

import pg8000.native

SUPERUSERS = "cloudsqlsuperuser"


def ensure_user(connection: pg8000.native.Connection, name: str, password: object, roles: list[str]) -> None:
    """Make a role that may log in, as a member of roles, or change the one that there is."""
    attributes = "LOGIN CREATEROLE CREATEDB" if SUPERUSERS in roles else "LOGIN"
    if password is not None:
        attributes += f" PASSWORD {pg8000.native.literal(str(password))}"
    ensure_role(connection, name, attributes)
    for role in roles:
        connection.run(f"GRANT {pg8000.native.identifier(role)} TO {pg8000.native.identifier(name)}")


def ensure_role(connection: pg8000.native.Connection, name: str, attributes: str) -> None:
    """Make a role with these attributes, or change the one that there is."""
    exists = connection.run("SELECT FROM pg_roles WHERE rolname = :name", name=name)
    verb = "ALTER" if exists else "CREATE"
    connection.run(f"{verb} ROLE {pg8000.native.identifier(name)} WITH {attributes}")
