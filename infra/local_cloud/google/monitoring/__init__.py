"""Cloud Monitoring here: keeps metrics, evaluates the declared alert policies, opens and closes incidents."""
