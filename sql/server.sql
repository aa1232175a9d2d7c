-- name: server_activity
SELECT server_activity()

-- name: server_statements
SELECT server_statements(:most)
