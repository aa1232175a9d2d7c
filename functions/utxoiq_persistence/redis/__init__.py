"""The connections to Redis, and the pipelines that commands share."""
