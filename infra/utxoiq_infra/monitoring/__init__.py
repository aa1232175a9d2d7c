"""What is watched: metrics, alerts, dashboards, uptime checks, audit logs, budget."""
